"""Attribute values that are nonsense read as absent."""

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from firstread.dicom.header import items, number, numbers, text, texts, uid, whole
from firstread.dicom.quiet import quiet


def raw(keyword: str, vr: str, value: bytes) -> Dataset:
    ds = Dataset()
    tag = Tag(keyword)
    ds._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return ds


@pytest.mark.parametrize("value", [b"abc ", b"nan ", b"inf ", b"1\\2 ", b"", b"1e999 "])
def test_a_number_that_is_none(value: bytes) -> None:
    with quiet():
        assert number(raw("RescaleSlope", "DS", value), "RescaleSlope") is None


def test_numbers_need_their_count() -> None:
    ds = Dataset()
    ds.ImagePositionPatient = [1, 2, 3]
    assert numbers(ds, "ImagePositionPatient", 3) == (1.0, 2.0, 3.0)
    assert numbers(ds, "ImagePositionPatient", 2) is None
    assert number(ds, "RescaleSlope") is None


def test_whole_numbers_only() -> None:
    ds = Dataset()
    ds.RescaleSlope, ds.SeriesNumber = 1.5, 7
    assert whole(ds, "RescaleSlope") is None
    assert whole(ds, "SeriesNumber") == 7


def test_text_has_no_control_characters() -> None:
    ds = Dataset()
    ds.SeriesDescription = "Chest\x1b[31m \x07 1.0 "
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    assert text(ds, "SeriesDescription") == "Chest[31m  1.0"
    assert texts(ds, "ImageType") == ("ORIGINAL", "PRIMARY")
    assert text(ds, "ImageType") == "ORIGINAL\\PRIMARY"


def test_uid_of_digits_and_dots_only() -> None:
    with quiet():
        assert uid(raw("SOPInstanceUID", "UI", b"1.2.3"), "SOPInstanceUID") == "1.2.3"
        assert uid(raw("SOPInstanceUID", "UI", b"1.2.x"), "SOPInstanceUID") == ""


def test_items_of_something_else() -> None:
    with quiet():
        assert items(raw("PlanePositionSequence", "US", b"\x01\x00"), "PlanePositionSequence") == ()
