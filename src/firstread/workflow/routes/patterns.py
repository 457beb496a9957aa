"""How a route writes texts: without case, with wildcards, or between slashes as a regular expression.

Both are matched by Rust's `regex`, which pydantic brings: its time is linear in the text, whatever the expression;
it has no look-around and no back-references.
"""

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter

LONGEST_PATTERN = 200
_WILDCARDS = {"*": ".*", "?": "."}


def matches(pattern: str, text: str) -> bool:
    """Tell whether the whole of a text is what a pattern says, e.g. `CHEST*` or `/(chest|thorax).*/`.

    An empty text is an absent value: it is what the empty pattern says, and no other.

    Raises:
        ValueError: the pattern is none.
    """
    matcher = _compiled(pattern)
    return matcher.validator.isinstance_python(text) if text else not pattern


def check_pattern(pattern: str) -> str:
    """Return a text that is a pattern.

    Raises:
        ValueError: it is none; the message says why.
    """
    _compiled(pattern)
    return pattern


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> TypeAdapter[Any]:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"longer than {LONGEST_PATTERN} characters")
    if not pattern.isprintable():
        raise ValueError("control characters are in no text that is matched")
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        written = pattern[1:-1]
        _matcher(written)  # alone first: what closes the group around it is no expression
    else:
        written = "".join(_WILDCARDS.get(character) or re.escape(character) for character in pattern)
    return _matcher(f"^(?is:{written})$")


def _matcher(expression: str) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=expression)])
    except Exception as error:  # pydantic-core's SchemaError, which pydantic does not export
        reason = str(error).splitlines()[-1].strip().removeprefix("error: ")
        raise ValueError(f"no regular expression: {reason}") from None
