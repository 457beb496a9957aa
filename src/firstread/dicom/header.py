"""Attribute values out of headers that may hold nonsense.

Every function returns None (or an empty text) where the attribute is absent, empty, of the wrong kind,
not finite, or cannot be parsed: what that means is for the caller to say.
"""

import math
import re
from functools import cache
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

_LONGEST_TEXT = 256
_UID = re.compile(r"[0-9.]{1,64}")


def _value(header: Dataset, keyword: str) -> object:
    # pydicom converts a raw element when it is first asked for; a damaged one can raise almost anything.
    try:
        element = header.get(_tag(keyword))
        return None if element is None else element.value
    except Exception:
        return None


@cache
def _tag(keyword: str) -> BaseTag:
    # Looking an element up by its tag is several times faster than by its keyword.
    return Tag(keyword)


def text(header: Dataset, keyword: str) -> str:
    r"""Return the value as printable text without control characters, several values joined by "\"."""
    return "\\".join(texts(header, keyword))[:_LONGEST_TEXT]


def texts(header: Dataset, keyword: str) -> tuple[str, ...]:
    """Return each value as printable text; empty where there is none."""
    value = _value(header, keyword)
    if value is None:
        return ()
    several = list(value)[:16] if isinstance(value, MultiValue) else [value]
    try:
        written = [str(one)[:_LONGEST_TEXT] for one in several]
    except Exception:
        return ()
    cleaned = ["".join(c for c in one if c.isprintable()).strip() for one in written]
    return tuple(cleaned) if any(cleaned) else ()


def uid(header: Dataset, keyword: str) -> str:
    """Return a UID, or an empty text where the value is none (PS3.5 section 9)."""
    value = text(header, keyword)
    return value if _UID.fullmatch(value) else ""


def numbers(header: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Return exactly `count` finite numbers."""
    value = _value(header, keyword)
    several: list[Any] = list(value)[: count + 1] if isinstance(value, MultiValue | list | tuple) else [value]
    if len(several) != count:
        return None
    try:
        found = tuple(float(one) for one in several)
    except Exception:
        return None
    return found if all(math.isfinite(one) for one in found) else None


def number(header: Dataset, keyword: str) -> float | None:
    """Return one finite number."""
    found = numbers(header, keyword, 1)
    return found[0] if found else None


def whole(header: Dataset, keyword: str) -> int | None:
    """Return one whole number."""
    found = number(header, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(header: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """Return the items of a sequence; empty where it is none."""
    value = _value(header, keyword)
    if not isinstance(value, Sequence):
        return ()
    try:
        return tuple(value)
    except Exception:
        return ()
