"""What is a UID and what only pretends to be one."""

import re

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
LONGEST = 64


def is_uid(value: str) -> bool:
    """Tell whether a text is a UID of PS3.5 section 9.1; leading zeros, which some devices write, are let pass."""
    return len(value) <= LONGEST and _UID.fullmatch(value) is not None
