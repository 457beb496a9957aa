"""A study that was read, with its results, in a PACS that is not ours: over DICOM, and over the web."""

from pathlib import Path

import pytest
from pydicom import dcmread

from firstread.archive import open_archive
from firstread.network.outgoing import files_of_folder
from firstread.network.peers import Peer
from firstread.network.scu import Caller
from firstread.settings import Settings
from firstread.workflow.deliveries import deliver, documents_for
from firstread.workflow.read_study import read_study
from tests.network.conftest import orthanc  # noqa: F401 - a peer
from tests.system.conftest import ReadPhantom
from tests.workflow.deliveries.conftest import orthanc_dicomweb  # noqa: F401 - its DICOMweb

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def pacs(orthanc, orthanc_dicomweb):  # noqa: F811
    return orthanc(**orthanc_dicomweb)


def listed_after_delivery(pacs, folder: Path, archive) -> dict[str, set[str]]:
    """Send a result over DICOM and over the web, and return what Orthanc lists then: instances by modality."""
    web = f"http://127.0.0.1:{pacs.http}/dicom-web"
    settings = Settings(
        destinations={"pacs": f"ORTHANC@127.0.0.1:{pacs.port}", "web": f"stow:{web}"},
        destination_secrets={"web": "t:t"},
    )
    for name in settings.destinations:
        for document in documents_for(name, settings, folder):
            deliver(archive, settings, name, folder, document)
    (study,) = pacs("/studies?expand")
    listed: dict[str, set[str]] = {}
    for series in (pacs(f"/series/{key}") for key in study["Series"]):
        uids = {pacs(f"/instances/{key}")["MainDicomTags"]["SOPInstanceUID"] for key in series["Instances"]}
        listed.setdefault(series["MainDicomTags"]["Modality"], set()).update(uids)
    return listed


def written(folder: Path) -> dict[str, set[str]]:
    """The DICOM documents of a result folder: instances by modality."""
    made: dict[str, set[str]] = {}
    for path in folder.glob("*.dcm"):
        document = dcmread(path, stop_before_pixels=True)
        made.setdefault(document.Modality, set()).add(document.SOPInstanceUID)
    return made


def test_orthanc_lists_report_segmentation_key_images_and_pdf_under_the_study_that_was_read(
    pacs, read_phantom: ReadPhantom, tmp_path
):
    images = files_of_folder(read_phantom.series)
    Caller().send(Peer("ORTHANC", "127.0.0.1", pacs.port), images)
    with open_archive(tmp_path / "archive") as archive:
        listed = listed_after_delivery(pacs, read_phantom.out, archive)
    assert listed.pop("CT") == {image.sop_instance_uid for image in images}
    assert listed == written(read_phantom.out)
    assert set(listed) == {"SR", "SEG", "OT", "DOC"}


def test_the_results_of_a_real_chest_ct_are_listed_under_its_study(pacs, shared_ct, tmp_path):
    if not (shared_ct / "lidc-0002").is_dir():
        pytest.skip("LIDC-IDRI-0002 is not here")
    images = files_of_folder(shared_ct / "lidc-0002")
    Caller().send(Peer("ORTHANC", "127.0.0.1", pacs.port), images[:1])
    read_study(shared_ct / "lidc-0002", tmp_path / "out", reader="lung_nodule")
    with open_archive(tmp_path / "archive") as archive:
        listed = listed_after_delivery(pacs, tmp_path / "out", archive)
    assert listed.pop("CT") == {images[0].sop_instance_uid}
    assert listed == written(tmp_path / "out")
    assert {"SR", "SEG", "DOC"} <= set(listed)
