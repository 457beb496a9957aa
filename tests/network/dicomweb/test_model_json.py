import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from firstread.network.dicomweb import model_json
from firstread.network.dicomweb.model_json import as_json, attribute, sequence, values
from tests.dicom.ct_series import EXPLICIT, IMPLICIT, anatomy, ct_series, encode


def read(ds, syntax=EXPLICIT):
    return dcmread(DicomBytesIO(encode(ds, syntax)), stop_before_pixels=True)


def sample():
    (ds,) = ct_series(anatomy(1, 16))
    return ds


def test_what_is_written_is_read_back_as_it_was():
    ds = sample()
    ds.PatientName = "Wang^XiaoDong=王^小东=Wang"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.OtherPatientNames = ["A^B", "C^D"]
    made = as_json(read(ds), str)
    assert made["00100010"]["Value"] == [
        {"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小东", "Phonetic": "Wang"}
    ]
    back = Dataset.from_json(json.loads(json.dumps(made)))
    for element in ds:
        if element.keyword != "PixelData":
            assert back[element.tag].value == element.value, element.keyword


@pytest.mark.parametrize("nested", [False, True])
def test_what_is_long_or_binary_is_named_by_its_place(nested):
    ds = sample()
    holder = Dataset() if nested else ds
    holder.PatientComments, holder.EncapsulatedDocument = "x" * 2000, bytes(3000)
    holder.ImageComments, holder.LensMake = "short", None
    if nested:
        ds.ReferencedImageSequence = [Dataset(), holder]
    made = as_json(read(ds), lambda path: f"here/{path}")
    place = "00081140/2/" if nested else ""
    found = made["00081140"]["Value"][1] if nested else made
    assert found["00104000"] == {"vr": "LT", "BulkDataURI": f"here/{place}00104000"}
    assert found["00420011"] == {"vr": "OB", "BulkDataURI": f"here/{place}00420011"}
    assert found["00204000"] == {"vr": "LT", "Value": ["short"]}


def test_a_value_that_is_none_of_its_vr_is_left_out_and_a_number_that_is_none_becomes_null():
    content = encode(sample()).replace(b"DS\x04\x002.5 ", b"DS\x04\x00x.5 ")
    made = as_json(dcmread(DicomBytesIO(content), stop_before_pixels=True), str)
    assert made["00180050"] == {"vr": "DS"}
    ds = sample()
    ds.RealWorldValueSlope = float("nan")
    assert as_json(read(ds), str)["00409225"] == {"vr": "FD", "Value": [None]}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_long_sequence_is_given_whole(monkeypatch, syntax):
    monkeypatch.setattr(model_json, "LARGEST_UNCOUNTED", 1000)
    ds = sample()
    ds.ReferencedImageSequence = [Dataset() for _ in range(300)]
    for n, item in enumerate(ds.ReferencedImageSequence):
        item.ReferencedSOPInstanceUID = f"1.2.{n}"
    made = as_json(read(ds, syntax), str)["00081140"]["Value"]
    assert [values(each, "ReferencedSOPInstanceUID") for each in made] == [[f"1.2.{n}"] for n in range(300)]
    monkeypatch.setattr(model_json, "MOST_NESTED", 500)
    assert as_json(read(ds, syntax), str)["00081140"] == {"vr": "SQ"}  # more elements than are parsed


def test_nesting_without_end_is_cut_off():
    inner = Dataset()
    for _ in range(model_json.DEEPEST + 5):
        outer = Dataset()
        outer.ReferencedImageSequence = [inner]
        inner = outer
    ds = sample()
    ds.ReferencedImageSequence = [inner]
    made, depth = as_json(read(ds), str), 0
    while "Value" in made.get("00081140", {}):
        made, depth = made["00081140"]["Value"][0], depth + 1
    assert depth == model_json.DEEPEST


def test_attributes_are_made_by_keyword():
    assert attribute("Rows", 0) == ("00280010", {"vr": "US", "Value": [0]})
    assert attribute("PatientName", "A^B") == ("00100010", {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]})
    assert attribute("Modality", "") == ("00080060", {"vr": "CS"})
    assert sequence("ReferencedImageSequence", []) == ("00081140", {"vr": "SQ"})
    made = dict([attribute("Modality", "CT", "SR")])
    assert (values(made, "Modality"), values(made, "Rows")) == (["CT", "SR"], [])


@given(st.binary(max_size=200))
def test_a_damaged_header_is_told_as_far_as_it_goes(content):
    start = encode(sample())[: -512 - 12]
    element = struct.pack("<HH2sH", 0x0032, 0x1060, b"LO", len(content)) + content
    try:
        ds = dcmread(DicomBytesIO(start + element), stop_before_pixels=True)
    except Exception:  # opened.py answers for what the parser does not take
        return
    json.dumps(as_json(ds, str), allow_nan=False)
