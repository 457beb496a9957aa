"""Undecoded elements in the DICOM JSON Model, where that takes no more than their bytes: most of a header is so.

pydicom makes an object of each element and of each value, and checks it, which takes most of the time of a series'
metadata. What is not plain here, such as text that needs a character set, is left to it.
"""

import math
import re
import struct
from functools import cache, lru_cache
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement

LONGEST = 1024  # bytes of a text
_TEXTS = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI"))
_WHOLE_TEXTS = frozenset(("LT", "ST"))
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_DECIMAL = re.compile(r"[+-]?(\d{1,16}(\.\d{0,16})?|\.\d{1,16})([eE][+-]?\d{1,3})?")


def plain_json(raw: RawDataElement) -> dict[str, Any] | None:
    """Return an element as pydicom would have it in JSON; None where pydicom has to look at it.

    What is returned is shared, and must not be changed: most elements are the same in all slices of a series.
    """
    content = raw.value
    if content is not None and len(content) > LONGEST:
        return None
    return _plain(raw.VR or _vr_of(int(raw.tag)), content, raw.is_little_endian)


@lru_cache(maxsize=1024)
def _plain(vr: str, content: bytes | None, little: bool) -> dict[str, Any] | None:
    if vr in _NUMBERS:
        return {"vr": vr} if not content else _numbers(vr, content, little=little)
    if vr not in _TEXTS and vr not in _WHOLE_TEXTS and vr not in ("IS", "DS", "PN"):
        return None
    if content is None or not content.isascii():
        return None
    text = content.decode("ascii").rstrip("\0 " if vr == "UI" else " ")
    if not text.isprintable():
        return None
    if not text:
        return {"vr": vr}
    if vr in _WHOLE_TEXTS:
        return {"vr": vr, "Value": [text]}
    if vr == "PN":
        return {"vr": vr, "Value": [{"Alphabetic": text}]} if "=" not in text and "\\" not in text else None
    return _listed(vr, text.split("\\"))


def _listed(vr: str, values: list[str]) -> dict[str, Any] | None:
    if vr == "IS":
        each = [value.strip() for value in values]
        return {"vr": vr, "Value": [int(n) for n in each]} if all(map(_INTEGER.fullmatch, each)) else None
    if vr == "DS":
        each = [value.strip() for value in values]
        if not all(map(_DECIMAL.fullmatch, each)):
            return None
        decimals = [float(n) for n in each]
        return {"vr": vr, "Value": decimals} if all(map(math.isfinite, decimals)) else None
    if any(not value or value != value.strip() for value in values):
        return None
    return {"vr": vr, "Value": values}


def _numbers(vr: str, content: bytes, *, little: bool) -> dict[str, Any] | None:
    kind = _NUMBERS[vr]
    count, rest = divmod(len(content), struct.calcsize(f"={kind}"))
    if rest:
        return None
    values = struct.unpack(f"{'<' if little else '>'}{count}{kind}", content)
    return {"vr": vr, "Value": list(values)} if all(map(math.isfinite, values)) else None


@cache
def _vr_of(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""
