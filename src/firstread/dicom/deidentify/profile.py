"""What PS3.15 Table E.1-1 says is done with an attribute, under the options that are chosen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from firstread.dicom.deidentify.options import BASIC_PROFILE, Option

Action = Literal["X", "D", "Z", "K", "C", "U"]
"""Remove; replace by a dummy; empty; keep; clean; replace by a UID of the same meaning."""

PRIVATE = "private"


@dataclass(frozen=True)
class Profile:
    """Table E.1-1: actions by tag (8 hexadecimal digits, `xx` in repeating groups) and by code of profile or option."""

    edition: str
    actions: Mapping[str, Mapping[str, str]]

    def said_of(self, tag: int, options: frozenset[Option]) -> str | None:
        """Return the action, several alternatives joined by "/" as the table writes them; None where it is silent.

        An option that keeps wins over one that cleans, and that over the Basic Profile.
        """
        row = self.actions.get(f"{tag:08x}") or self._repeating(tag)
        if row is None:
            return None
        chosen = {row[option.code] for option in options if option.code in row}
        return "K" if "K" in chosen else "C" if "C" in chosen else row[BASIC_PROFILE]

    def _repeating(self, tag: int) -> Mapping[str, str] | None:
        group, element = f"{tag >> 24:02x}xx", f"{tag & 0xFFFF:04x}"
        return self.actions.get(group + element) or self.actions.get(group + "xxxx")


@cache
def shipped() -> Profile:
    """Return the table as `scripts/write-confidentiality-table` wrote it."""
    text = (files(__package__) / "confidentiality_table.json").read_text(encoding="utf-8")
    document = json.loads(text)
    return Profile(document["edition"], document["actions"])


def resolved(said: str, kind: str | None) -> Action:
    """Return which of the table's alternatives keeps the object valid.

    Args:
        said: As the table says it, such as X/Z/D.
        kind: Type of the attribute in the IOD: 1, 1C, 2, 2C or 3; None where it is not known, and then what is valid
            for every type is done.
    """
    if said == "X/Z/U*":
        return "X" if kind == "3" else "U"
    if said == "X" and kind in ("1", "2"):  # the table has one action for all IODs
        return "D" if kind == "1" else "Z"
    if "/" not in said:
        return said  # type: ignore[return-value]
    if kind == "3":
        return "X" if "X" in said else "Z"
    if kind in ("2", "2C"):
        return "Z" if "Z" in said else "D"
    return "D" if "D" in said else "Z"
