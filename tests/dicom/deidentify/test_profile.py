import pytest

from firstread.dicom.deidentify.attribute_types import attribute_type
from firstread.dicom.deidentify.options import Option, options_of
from firstread.dicom.deidentify.profile import resolved, shipped
from firstread.errors import UsageError

CT = "1.2.840.10008.5.1.4.1.1.2"


def said(tag, *options):
    return shipped().said_of(tag, frozenset(options))


def test_the_table_says_what_the_standard_says():
    """Rows of PS3.15 Table E.1-1, read from another copy of it than the one that the table was made from."""
    assert said(0x00080050) == "Z"  # Accession Number
    assert said(0x00184000) == "X" and said(0x00184000, Option.CLEAN_DESCRIPTORS) == "C"
    assert said(0x00400555) == "X/Z" and said(0x00400555, Option.CLEAN_STRUCTURED_CONTENT) == "C"
    assert said(0x0008002A) == "X/Z/D"  # Acquisition DateTime
    assert said(0x0008002A, Option.FULL_DATES) == "K" and said(0x0008002A, Option.MODIFIED_DATES) == "C"
    assert said(0x00181400) == "X/D"
    assert said(0x00102110) == "X" and said(0x00102110, Option.PATIENT_CHARACTERISTICS) == "C"  # Allergies
    assert said(0x00181007, Option.DEVICE_IDENTITY) == "K"  # Cassette ID
    assert said(0x00120060) == "Z" and said(0x00120060, Option.INSTITUTION) == "K"
    assert said(0x00209161) == "U" and said(0x00209161, Option.UIDS) == "K"
    assert said(0x00700084) == "Z/D"
    assert said(0x00181002) == "U" and said(0x00181002, Option.DEVICE_IDENTITY) == "K"
    assert said(0x50123000) == "X" and said(0x50123000, Option.CLEAN_GRAPHICS) == "C"  # Curve Data
    assert said(0x60123000) == "X"  # Overlay Data
    assert said(0x00280010) is None  # Rows


def test_the_table_is_whole():
    assert len(shipped().actions) == 656
    assert all("113100" in row for row in shipped().actions.values())


@pytest.mark.parametrize(
    ("alternatives", "kind", "action"),
    [
        ("X/Z/D", "3", "X"),
        ("X/Z/D", "2", "Z"),
        ("X/Z/D", "2C", "Z"),
        ("X/Z/D", "1", "D"),
        ("X/Z/D", None, "D"),
        ("X/Z", "3", "X"),
        ("X/Z", None, "Z"),
        ("X/D", "3", "X"),
        ("X/D", None, "D"),
        ("Z/D", "2", "Z"),
        ("Z/D", "1C", "D"),
        ("Z/D", None, "D"),
        ("X/Z/U*", "3", "X"),
        ("X/Z/U*", None, "U"),
        ("X", "1", "D"),
        ("X", "2", "Z"),
        ("X", "3", "X"),
        ("X", None, "X"),
        ("U", "1", "U"),
    ],
)
def test_alternatives_are_chosen_so_that_the_object_stays_valid(alternatives, kind, action):
    assert resolved(alternatives, kind) == action


def test_types_are_those_of_the_iod():
    assert attribute_type(CT, (), "PatientName") == "2"
    assert attribute_type(CT, (), "StudyInstanceUID") == "1"
    assert attribute_type(CT, (), "StudyDescription") == "3"
    assert attribute_type(CT, (), "NoSuchKeyword") is None
    assert attribute_type("1.2.3", (), "PatientName") is None


def test_options_are_written_by_name_or_code():
    assert options_of(["clean-descriptors, 113107"]) == {Option.CLEAN_DESCRIPTORS, Option.MODIFIED_DATES}
    with pytest.raises(UsageError, match="no option"):
        options_of(["everything"])
    with pytest.raises(UsageError, match="not both"):
        options_of(["full-dates", "modified-dates"])
