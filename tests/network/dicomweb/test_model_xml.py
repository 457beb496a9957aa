import json
import subprocess
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from firstread.network.dicomweb.model_json import as_json
from firstread.network.dicomweb.model_xml import as_xml
from tests.dicom.ct_series import anatomy, ct_series, encode

NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def plain(node):
    """Tag, VR, private creator and content of each attribute, without namespaces and empty values."""
    found = []
    for each in node:
        name = each.tag.removeprefix(NAMESPACE)
        if name == "DicomAttribute":
            tag, vr, creator = each.get("tag"), each.get("vr"), each.get("privateCreator")
            if not tag.endswith("0000") and tag[:4] not in ("0002", "7FE0"):
                found.append((tag, vr, creator, plain(each)))
        elif name in ("Item", "PersonName"):
            found.append((name, each.get("number"), plain(each)))
        elif text := (each.text or "").strip():
            found.append((name, each.get("number"), text))
        elif len(each):
            found.append((name, plain(each)))
    return found


def sample():
    (ds,) = ct_series(anatomy(1, 16))
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Wang^Xiao Dong^^Dr.=王^小东"
    ds.PatientComments = 'a < b & c > "d"'
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "1", "Chest & more"
    ds.ProcedureCodeSequence = [code, code]
    ds.private_block(0x0011, "A MAKER", create=True).add_new(0x01, "LO", "private")
    return ds


def test_dcmtk_writes_the_same_model(tmp_path, debian_tool):
    content = encode(sample())
    (tmp_path / "file.dcm").write_bytes(content)
    theirs = subprocess.run(
        [debian_tool("dcm2xml"), "--native-format", tmp_path / "file.dcm"],
        capture_output=True,
        check=True,
    ).stdout
    ours = as_xml(as_json(dcmread(DicomBytesIO(content), stop_before_pixels=True), str))
    assert plain(ElementTree.fromstring(ours)) == plain(ElementTree.fromstring(theirs))


def test_bulk_data_binaries_and_numbers_that_are_none():
    made = {
        "00420011": {"vr": "OB", "BulkDataURI": 'http://here/bulkdata?a=1&b="2"'},
        "00091010": {"vr": "OB", "InlineBinary": "AAE="},
        "00189324": {"vr": "FD", "Value": [1.5, None]},
        "00080060": {"vr": "CS"},
    }
    bulk, binary, numbers, empty = ElementTree.fromstring(as_xml(made))
    assert bulk[0].get("uri") == 'http://here/bulkdata?a=1&b="2"'
    assert (binary[0].text, binary.get("tag")) == ("AAE=", "00091010")
    assert [each.text for each in numbers] == ["1.5", None]
    assert (empty.get("keyword"), list(empty)) == ("Modality", [])


@given(st.text(max_size=60))
def test_any_text_is_an_xml_document_and_is_read_back(text):
    values = {"00104000": {"vr": "LT", "Value": [text]}, "00091010": {"vr": "LO", "Value": [text]}}
    values["00090010"] = {"vr": "LO", "Value": [text or "x"]}
    first, *_ = ElementTree.fromstring(as_xml(json.loads(json.dumps(values))))
    kept = "".join(c if c.isprintable() or c in "\t\n" else " " for c in text)
    assert len(first[0].text or "") == len(text)
    if kept == text:
        assert (first[0].text or "") == text
