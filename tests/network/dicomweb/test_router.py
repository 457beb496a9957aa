"""The service as dicomweb-client, an independent web client, meets it; on both databases."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from requests import HTTPError

from tests.archive.samples import instances
from tests.dicom.ct_series import EXPLICIT, JPEG_LS, RLE, ROOT, anatomy, ct_series, encode, stored_values

STUDY, SERIES = f"{ROOT}.1", f"{ROOT}.1.1"


def as_file(ds):
    return dcmread(DicomBytesIO(encode(ds)))


def test_what_is_stored_is_found_retrieved_and_deleted(client):
    sent = [as_file(ds) for ds in ct_series(anatomy(4, 16))]
    answer = client.store_instances(sent)
    assert len(answer.ReferencedSOPSequence) == 4
    assert "FailedSOPSequence" not in answer

    (study,) = [Dataset.from_json(each) for each in client.search_for_studies()]
    assert (study.StudyInstanceUID, study.NumberOfStudyRelatedInstances) == (STUDY, 4)
    (series,) = client.search_for_series(STUDY)
    assert series["0020000E"]["Value"] == [SERIES]
    assert len(client.search_for_instances(STUDY, SERIES)) == 4

    got = client.retrieve_series(STUDY, SERIES)
    assert [ds.InstanceNumber for ds in got] == [1, 2, 3, 4]
    assert [ds.PixelData for ds in got] == [ds.PixelData for ds in sent]
    assert len(list(client.iter_study(STUDY))) == 4
    one = client.retrieve_instance(STUDY, SERIES, sent[2].SOPInstanceUID)
    assert one == sent[2]

    client.delete_instance(STUDY, SERIES, sent[0].SOPInstanceUID)
    assert len(client.search_for_instances(STUDY, SERIES)) == 3
    assert client.search_for_studies()[0]["00201208"]["Value"] == [3]
    client.delete_series(STUDY, SERIES)
    assert client.search_for_studies() == []
    with pytest.raises(HTTPError, match="404"):
        client.delete_study(STUDY)


def test_metadata_says_what_the_header_says(client, archive):
    for instance in instances(3):
        archive.receive(instance)
    listed = client.retrieve_series_metadata(STUDY, SERIES)
    found = [Dataset.from_json(each, lambda tag, vr, uri: b"") for each in listed]
    for got, sent in zip(found, ct_series(anatomy(3, 16)), strict=True):
        for element in sent:
            if element.keyword != "PixelData":
                assert got[element.tag].value == element.value, element.keyword
    assert len(client.retrieve_study_metadata(STUDY)) == 3
    one = client.retrieve_instance_metadata(STUDY, SERIES, f"{SERIES}.2")
    assert one["00200013"]["Value"] == [2]


def test_frames_and_bulk_data_are_the_pixels(client, archive):
    (sent,) = ct_series(anatomy(1, 16))
    archive.receive(instances(1)[0])
    (frame,) = client.retrieve_instance_frames(STUDY, SERIES, f"{SERIES}.1", [1])
    assert frame == sent.PixelData
    uri = client.retrieve_instance_metadata(STUDY, SERIES, f"{SERIES}.1")["7FE00010"]["BulkDataURI"]
    assert b"".join(client.retrieve_bulkdata(uri)) == sent.PixelData


def test_a_rendered_instance_is_a_picture(client, archive):
    from io import BytesIO

    from PIL import Image

    archive.receive(instances(1, size=24)[0])
    shown = client.retrieve_instance_rendered(
        STUDY, SERIES, f"{SERIES}.1", media_types=("image/png",), params={"window": "40,400,linear"}
    )
    picture = np.asarray(Image.open(BytesIO(shown)))
    hu = stored_values(ct_series(anatomy(1, 24))[0])[0].astype(float) - 1024
    expected = np.clip(((hu - 39.5) / 399 + 0.5) * 255, 0, 255)
    assert np.abs(picture - expected).max() <= 1


def test_searching_by_what_a_worklist_asks(client, archive):
    def call(number, **values):
        def change(ds):
            for keyword, value in values.items():
                setattr(ds, keyword, value)

        archive.receive(instances(1, study=number, change=change)[0])

    call(1, PatientName="Doe^Jane", PatientID="A1", StudyDate="20250101", AccessionNumber="ACC1")
    call(2, PatientName="Doe^John", PatientID="A2", StudyDate="20250201", AccessionNumber="ACC2")
    call(3, PatientName="Roe^Richard", PatientID="B1", StudyDate="20250301", Modality="MR")

    def found(fuzzymatching=None, limit=None, offset=None, **filters):
        studies = client.search_for_studies(
            fuzzymatching=fuzzymatching, limit=limit, offset=offset, search_filters=filters
        )
        return [each["00080020"]["Value"][0][4:6] for each in studies]

    assert found() == ["03", "02", "01"]
    assert found(PatientName="doe*") == ["02", "01"]
    assert found(PatientName="D?e^J*n*") == ["02", "01"]
    assert found(PatientID="A*") == ["02", "01"]
    assert found(StudyDate="20250115-20250301") == ["03", "02"]
    assert found(StudyDate="-20250115") == ["01"]
    assert found(StudyInstanceUID=f"{ROOT}.1,{ROOT}.3") == ["03", "01"]
    assert found(ModalitiesInStudy="MR") == ["03"]
    assert found(**{"00080050": "ACC2"}) == ["02"]
    assert found(fuzzymatching=True, PatientName="joh doe") == ["02"]
    assert found(fuzzymatching=False, PatientName="joh doe") == []
    assert found(limit=1, offset=1) == ["02"]
    assert found(PatientName="nobody") == []


def test_the_transfer_syntax_that_is_asked_for_is_given(client, archive):
    (ds,) = ct_series(anatomy(1, 16))
    archive.receive(instances(1, syntax=JPEG_LS)[0])

    def retrieved(syntax):
        media_types = (("application/dicom", syntax),)
        return client.retrieve_instance(STUDY, SERIES, f"{SERIES}.1", media_types=media_types)

    assert retrieved(EXPLICIT).PixelData == ds.PixelData
    assert [retrieved(syntax).file_meta.TransferSyntaxUID for syntax in (EXPLICIT, JPEG_LS, "*")] == [
        EXPLICIT,
        JPEG_LS,
        JPEG_LS,
    ]
    with pytest.raises(HTTPError, match="406"):
        retrieved(RLE)
