import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from firstread.dicom.quiet import quiet
from firstread.network.dicomweb import model_json
from firstread.network.dicomweb.model_json import as_json
from firstread.network.dicomweb.raw_json import LONGEST, plain_json

TAGS = {"AE": 0x00080054, "AS": 0x00101010, "CS": 0x00080008, "DA": 0x00080020, "DT": 0x0008002A, "LO": 0x00081030,
        "SH": 0x00080050, "TM": 0x00080030, "UI": 0x00080018, "LT": 0x00104000, "ST": 0x00080081, "IS": 0x00200013,
        "DS": 0x00180050, "PN": 0x00100010, "US": 0x00280010, "SS": 0x00189219, "UL": 0x00081161, "SL": 0x00186020,
        "FL": 0x00189445, "FD": 0x00189324}  # fmt: skip
VALUES = st.one_of(
    st.binary(max_size=24),
    st.text("AZaz09 .\\^=-+eE_\0", max_size=24).map(str.encode),
    st.lists(st.floats(-1e6, 1e6).map(lambda n: f"{n:.8g}"), max_size=3).map(
        lambda each: "\\".join(each).encode()
    ),
)


def raw(vr, content, *, explicit=True, little=True):
    tag = Tag(TAGS[vr])
    return RawDataElement(tag, vr if explicit else None, len(content), content, 0, not explicit, little, True)


def by_pydicom(element):
    ds = Dataset()
    ds[element.tag] = element
    with pytest.MonkeyPatch.context() as patch, quiet():
        patch.setattr(model_json, "plain_json", lambda _: None)
        return as_json(ds, str)[f"{int(element.tag):08X}"]


@given(st.sampled_from(sorted(TAGS)), VALUES, st.booleans(), st.booleans())
@example("DS", b"1\\2.50\\-3e2 ", True, True)
@example("IS", b" 12 ", False, True)
@example("CS", b"ORIGINAL\\PRIMARY\\AXIAL", True, True)
@example("PN", b"Doe^Jane^^Dr. ", True, True)
@example("FD", struct.pack("<2d", 1.5, float("nan")), True, True)
@example("UI", b"1.2.3\0", True, True)
def test_what_is_plain_is_what_pydicom_makes_of_it(vr, content, explicit, little):
    element = raw(vr, content, explicit=explicit, little=little)
    made = plain_json(element)
    assert made is None or made == by_pydicom(element)


@pytest.mark.parametrize(
    ("vr", "content", "expected"),
    [
        ("CS", b"CT", ["CT"]),
        ("DS", b"0.7\\0.8 ", [0.7, 0.8]),
        ("IS", b"-12 ", [-12]),
        ("US", struct.pack("<2H", 1, 2), [1, 2]),
        ("PN", b"Doe^Jane", [{"Alphabetic": "Doe^Jane"}]),
        ("LT", b"a\\b", ["a\\b"]),
    ],
)
def test_the_values_of_a_usual_header_are_plain(vr, content, expected):
    assert plain_json(raw(vr, content)) == {"vr": vr, "Value": expected}
    assert plain_json(raw(vr, b"")) == {"vr": vr}


@pytest.mark.parametrize(
    ("vr", "content"),
    [
        ("LO", "Müller".encode("latin-1")),  # needs a character set
        ("LO", b"\x1b$B;3ED"),
        ("LO", b"x" * (LONGEST + 2)),  # is bulk data
        ("PN", b"Wang=x"),
        ("IS", b"1.5"),
        ("DS", b"one"),
        ("DS", b"1\\\\2"),
        ("US", b"\0"),
    ],
)
def test_what_is_not_plain_is_left_to_pydicom(vr, content):
    assert plain_json(raw(vr, content)) is None


def test_real_headers_are_the_same_with_it_and_without(shared_ct, monkeypatch):
    files = [next(iter(sorted(folder.rglob("*.dcm"))), None) for folder in sorted(shared_ct.iterdir())]
    headers = [dcmread(file, stop_before_pixels=True, force=True) for file in files if file is not None]
    assert headers
    with quiet():
        made = [as_json(header.copy(), str) for header in headers]
        monkeypatch.setattr(model_json, "plain_json", lambda _: None)
        assert made == [as_json(header.copy(), str) for header in headers]
