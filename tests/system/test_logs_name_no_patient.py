"""A recognisable patient goes through the whole node, well and badly, and the log knows nothing of it."""

import json
import os
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
import requests
from pydicom import dcmread

from firstread.archive import open_archive
from firstread.network import Peer
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller
from firstread.workflow.job_list import list_jobs, show_job
from tests.network.conftest import association, free_port, store_raw
from tests.network.dicomweb.conftest import multipart
from tests.workflow.conftest import tell_ball_reader
from tests.workflow.samples import until

NAME = "Quillon^Zebrafinch"
PATIENT = {
    "PatientName": NAME,
    "PatientID": "ZQ774411",
    "PatientBirthDate": "19310317",
    "AccessionNumber": "ACC55X",
    "StudyDescription": "Zygomorph",
    "ReferringPhysicianName": "Ostrega^Vim",
    "InstitutionName": "Klinikum Wolkenstein",
}
TOKENS = [part.lower() for value in PATIENT.values() for part in value.replace(" ", "^").split("^")]
SETTINGS = """
dicom_callers = ["any"]
dicom_port = 0
api_port = 0
api_local_roles = ["administrator"]
log_level = "debug"
study_quiet_s = 0.2
job_attempts = 1
archive_dir = {archive}

[destinations]
gone = "GONE@127.0.0.1:{port}"

[[routes]]
name = "ball"
reader = "ball"
destinations = ["gone"]
when = {{ modality = "CT" }}
"""


def of_the_patient(study, folder, number):
    """The study as one of the patient's, under UIDs of its own; returns these."""
    folder.mkdir()
    uids = set()
    for path in sorted(study.glob("*.dcm")):
        image = dcmread(path)
        for keyword, value in PATIENT.items():
            setattr(image, keyword, value)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            uid = f"{getattr(image, keyword)[:60]}.{number}"
            setattr(image, keyword, uid)
            uids.add(uid)
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(folder / path.name)
    return uids


@pytest.mark.timeout(300)
def test_a_patient_leaves_no_trace_in_the_log(tmp_path, small_study, ball_reader, monkeypatch):
    told = tell_ball_reader(ball_reader, tmp_path, monkeypatch)
    told("fail")  # with the patient's name in the error
    path = tmp_path / "firstread.toml"
    path.write_text(SETTINGS.format(archive=json.dumps(str(tmp_path / "archive")), port=free_port()))
    uids = of_the_patient(small_study, tmp_path / "fails", 1)
    uids |= of_the_patient(small_study, tmp_path / "works", 2)
    source = Path(__file__).resolve().parents[2] / "src"
    environment = {
        **os.environ,
        "FIRSTREAD_CONFIG": str(path),
        "PYTHONPATH": f"{source}{os.pathsep}{os.environ['PYTHONPATH']}",
    }
    command = [sys.executable, "-m", "firstread.cli", "serve", "--json"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            where = json.loads(process.stdout.readline())
            peer = Peer(where["ae_title"], where["host"], where["port"])
            web = f"http://127.0.0.1:{where['api']['port']}/dicom-web"
            with open_archive(tmp_path / "archive") as archive:
                Caller("CT1").send(peer, files_of_folder(tmp_path / "fails"))
                until(lambda: [job for job in list_jobs(archive) if job.state == "failed"])
                told("")
                Caller("CT1").send(peer, files_of_folder(tmp_path / "works"))
                job = until(lambda: next((job for job in list_jobs(archive) if job.state == "done"), None))
                until(lambda: show_job(archive, job.id).deliveries[0].attempts)
            misbehave(peer, web, tmp_path / "works")
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
        finally:
            process.kill()
        said = process.stdout.read()
    said += (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    events = "\n".join(line["event"] for line in lines)
    for expected in ("job 1 has failed", "job 2 done", "delivery 1 is tried again", "came again", "stopped"):
        assert expected in events
    assert [token for token in TOKENS if token in said.lower()] == []
    assert [uid for uid in uids if uid in said] == []


def misbehave(peer, web, folder):
    """Store other bytes under a known UID, damaged ones, and ask for the patient by name in every way."""
    image = dcmread(min(folder.glob("*.dcm")))
    image.StudyDescription = PATIENT["StudyDescription"] + " again"
    other = BytesIO()
    image.save_as(other)
    dataset = other.getvalue()[image.file_meta.FileMetaInformationGroupLength + 144 :]
    with association(peer.port) as calling:
        assert store_raw(calling, dataset, image.SOPInstanceUID) == 0x0000
        assert (
            store_raw(calling, dataset[:200] + NAME.encode() + b"\xff\xff" * 40, image.SOPInstanceUID)
            != 0x0000
        )
    assert requests.get(f"{web}/studies", {"PatientName": NAME}, timeout=60).json()
    assert requests.get(f"{web}/studies", {"PatientName": NAME, "limit": NAME}, timeout=60).status_code == 400
    assert requests.get(f"{web}/studies/{NAME}/metadata", timeout=60).status_code in (400, 404)
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}
    stored = requests.post(f"{web}/studies", multipart(other.getvalue()[:600]), headers=kind, timeout=60)
    assert stored.status_code >= 400
    assert requests.get(f"{web}/studies/{image.StudyInstanceUID}/metadata", timeout=60).json()
