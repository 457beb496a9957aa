from io import BytesIO

import pytest
from pydicom import dcmread

from firstread.archive.part10 import IMPLEMENTATION_CLASS_UID, Part10
from firstread.dicom import derived_object
from firstread.errors import RefusedInput
from tests.archive.samples import instances
from tests.dicom.ct_series import CT_IMAGE, DEFLATED, IMPLICIT, JPEG_LS, ct_series, encode


@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED, JPEG_LS])
def test_a_file_is_its_header_and_its_data_set(syntax):
    ds = ct_series()[0]
    content = encode(ds, syntax)
    parsed = Part10.parse(content)
    assert parsed.header + bytes(parsed.dataset) == content
    assert (parsed.sop_class_uid, parsed.sop_instance_uid) == (CT_IMAGE, ds.SOPInstanceUID)
    assert parsed.transfer_syntax_uid == syntax
    assert parsed.size == len(content)


def test_a_data_set_from_the_network_becomes_a_file_that_others_read():
    (sent,) = instances(1)
    made = Part10.of(
        sent.dataset,
        sop_class_uid=sent.sop_class_uid,
        sop_instance_uid=sent.sop_instance_uid,
        transfer_syntax_uid=sent.transfer_syntax_uid,
        source_ae="SCANNER",
    )
    read = dcmread(BytesIO(made.header + bytes(made.dataset)))
    assert read.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert read.file_meta.FileMetaInformationGroupLength == len(made.header) - 144
    assert read.pixel_array.shape == (16, 16)
    assert Part10.parse(made.header + bytes(made.dataset)).sop_instance_uid == sent.sop_instance_uid


def test_the_digest_of_the_data_set_does_not_depend_on_the_sender():
    (sent,) = instances(1)
    uids = {
        "sop_class_uid": sent.sop_class_uid,
        "sop_instance_uid": sent.sop_instance_uid,
        "transfer_syntax_uid": sent.transfer_syntax_uid,
    }
    one, two = (Part10.of(sent.dataset, **uids, source_ae=ae).digests() for ae in ("A", "B"))
    assert one[1] == two[1]
    assert one[0] != two[0]


@pytest.mark.parametrize("length", [0, 131, 132, 140, 150, 180, 250])
def test_a_file_that_ends_early_is_refused(length):
    with pytest.raises(RefusedInput):
        Part10.parse(encode(ct_series()[0])[:length])


def test_a_uid_that_is_none_is_refused():
    with pytest.raises(RefusedInput):
        Part10.of(b"", sop_class_uid=CT_IMAGE, sop_instance_uid="../1", transfer_syntax_uid=IMPLICIT)


def test_the_implementation_is_that_of_the_other_objects():
    assert derived_object.IMPLEMENTATION_CLASS_UID == IMPLEMENTATION_CLASS_UID


@pytest.mark.parametrize("source_ae", ["", "ODD", "EVEN", "not an AE title of sixteen"])
def test_the_file_meta_information_is_written_as_pydicom_writes_it(source_ae):
    from pydicom.dataset import FileMetaDataset
    from pydicom.filewriter import write_file_meta_info

    (sent,) = instances(1)
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sent.sop_class_uid, sent.sop_instance_uid
    meta.TransferSyntaxUID = sent.transfer_syntax_uid
    meta.ImplementationClassUID, meta.ImplementationVersionName = IMPLEMENTATION_CLASS_UID, "FIRSTREAD"
    if 0 < len(source_ae) <= 16:
        meta.SourceApplicationEntityTitle = source_ae
    expected = BytesIO()
    write_file_meta_info(expected, meta)
    made = Part10.of(
        b"",
        sop_class_uid=sent.sop_class_uid,
        sop_instance_uid=sent.sop_instance_uid,
        transfer_syntax_uid=sent.transfer_syntax_uid,
        source_ae=source_ae,
    )
    assert made.header == bytes(128) + b"DICM" + expected.getvalue()
