"""The options of the Basic Application Level Confidentiality Profile (PS3.15 Annex E.3, codes of PS3.16 CID 7050)."""

from collections.abc import Iterable
from enum import StrEnum

from firstread.errors import UsageError

BASIC_PROFILE = "113100"
BASIC_PROFILE_MEANING = "Basic Application Confidentiality Profile"


class Option(StrEnum):
    """An option as people write it."""

    CLEAN_PIXEL_DATA = "clean-pixel-data"
    CLEAN_GRAPHICS = "clean-graphics"
    CLEAN_STRUCTURED_CONTENT = "clean-structured-content"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    FULL_DATES = "full-dates"
    MODIFIED_DATES = "modified-dates"
    PATIENT_CHARACTERISTICS = "patient-characteristics"
    DEVICE_IDENTITY = "device-identity"
    UIDS = "uids"
    SAFE_PRIVATE = "safe-private"
    INSTITUTION = "institution"

    @property
    def code(self) -> str:
        """The option's code in the scheme DCM."""
        return _CODES[self][0]

    @property
    def meaning(self) -> str:
        """The code's meaning."""
        return _CODES[self][1]


_CODES = {
    Option.CLEAN_PIXEL_DATA: ("113101", "Clean Pixel Data Option"),
    Option.CLEAN_GRAPHICS: ("113103", "Clean Graphics Option"),
    Option.CLEAN_STRUCTURED_CONTENT: ("113104", "Clean Structured Content Option"),
    Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.FULL_DATES: ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    Option.MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.PATIENT_CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
    Option.DEVICE_IDENTITY: ("113109", "Retain Device Identity Option"),
    Option.UIDS: ("113110", "Retain UIDs Option"),
    Option.SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
    Option.INSTITUTION: ("113112", "Retain Institution Identity Option"),
}


def options_of(written: Iterable[str]) -> frozenset[Option]:
    """Return options by their names or codes, several in a text separated by commas.

    Raises:
        UsageError: there is no such option, or two exclude each other.
    """
    by_code = {option.code: option for option in Option}
    found = set()
    for name in (part.strip().lower() for text in written for part in text.split(",")):
        if not name:
            continue
        if name not in by_code and name not in list(Option):
            raise UsageError(f"There is no option {name[:40]!r}.", remedy=f"Options: {', '.join(Option)}.")
        found.add(by_code.get(name) or Option(name))
    if {Option.FULL_DATES, Option.MODIFIED_DATES} <= found:
        raise UsageError(
            "Dates are kept full or modified, not both.", remedy="Choose one of the two options."
        )
    return frozenset(found)
