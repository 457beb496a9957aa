"""Values that stand where an attribute must have one and the real one may not be told."""

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

REMOVED = "REMOVED"
DATE = "19000101"
SCHEME = "99FIRSTREAD"

_BY_VR: dict[str, object] = {
    "AE": REMOVED,
    "AS": "000Y",
    "CS": REMOVED,
    "DA": DATE,
    "DS": "0",
    "DT": DATE + "000000",
    "IS": "0",
    "LO": REMOVED,
    "LT": REMOVED,
    "PN": REMOVED,
    "SH": REMOVED,
    "ST": REMOVED,
    "TM": "000000",
    "UC": REMOVED,
    "UR": "urn:removed",
    "UT": REMOVED,
    "OB": b"\0\0",
    "OW": b"\0\0",
    "UN": b"\0\0",
}


def dummy(vr: str) -> object:
    """Return a value of a representation that tells nothing; 0 for numbers."""
    return _BY_VR.get(vr, 0)


def dummy_code() -> Dataset:
    """Return a coded concept that tells nothing (PS3.16 section 8)."""
    item = Dataset()
    item.CodeValue = REMOVED
    item.CodingSchemeDesignator = SCHEME
    item.CodeMeaning = "Removed"
    return item


def texts_of(value: object) -> list[str]:
    """Return the value or values of an element as texts."""
    if value is None or isinstance(value, bytes | Sequence):
        return []
    return [str(each) for each in value] if isinstance(value, MultiValue | list) else [str(value)]
