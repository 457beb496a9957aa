"""Nodes on free ports, and real peers: dcmtk's tools, Orthanc."""

import base64
import json
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import pytest
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import CTImageStorage, Verification

from firstread.archive import open_archive
from firstread.network import Acceptance, Listening, Node
from firstread.network.answers import keep_answers
from tests.access.granting import allow
from tests.archive.samples import instances
from tests.dicom.ct_series import EXPLICIT
from tests.waiting import free_port, wait_for

ANYONE = Acceptance(callers=None, idle_s=10.0)


@pytest.fixture
def archive(tmp_path):
    """An archive that every node may read; what happens where one may not is tests/access's."""
    with open_archive(tmp_path / "archive") as opened:
        allow(opened, "role:node")
        yield opened


@pytest.fixture
def node(archive):
    """A node that anyone may call."""
    with Node(archive, Listening(port=0, acceptance=ANYONE)) as running:
        yield running


@pytest.fixture
def stored(archive):
    """Two series of one study in the archive, three instances each."""
    sent = [*instances(3, series=1), *instances(3, series=2)]
    for each in sent:
        archive.receive(each, source="TEST")
    return sent


@contextmanager
def association(port, *syntaxes, calling="SCANNER", called="FIRSTREAD", **options):
    """An association with a node, for CT images and C-ECHO."""
    entity = AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage, list(syntaxes or (EXPLICIT,)))
    made = entity.associate("127.0.0.1", port, ae_title=called, **options)
    keep_answers(made)
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def store_raw(peer, dataset, uid):
    """Send bytes as the data set of a CT image, and return the status; None where the association ended."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CTImageStorage, uid
    request.DataSet = BytesIO(dataset)
    context = next(cx for cx in peer.accepted_contexts if cx.abstract_syntax == CTImageStorage)
    peer._reactor_checkpoint.clear()  # else pynetdicom's own thread may take the answer
    wait_for(lambda: peer._is_paused)
    peer.dimse.send_msg(request, context.context_id)
    answer = peer.dimse.get_msg(block=True)[1]
    peer._reactor_checkpoint.set()
    return None if answer is None else answer.Status


def is_listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["+xa"])
def storescp(request, debian_tool, tmp_path):
    """dcmtk's storescp: its port and the folder in which it puts what it gets; +xa takes every transfer syntax."""
    folder, port = tmp_path / "storescp", free_port()
    folder.mkdir()
    with subprocess.Popen(
        [debian_tool("storescp"), request.param, "-aet", "ELSEWHERE", "-od", str(folder), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(lambda: is_listening(port))
        yield port, folder
        process.kill()


@dataclass
class Orthanc:
    """A running Orthanc: its DICOM port, and its REST API."""

    port: int
    http: int

    def __call__(self, path, body=None):
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=content)
        request.add_header("Authorization", "Basic " + base64.b64encode(b"t:t").decode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@pytest.fixture
def orthanc(debian_tool, tmp_path):
    """A function that starts Orthanc, knowing a node of ours on a port, with other configuration where asked."""
    started = []

    def start(port=104, **configuration):
        program = debian_tool("Orthanc")
        one = Orthanc(free_port(), free_port())
        folder = tmp_path / "orthanc"
        folder.mkdir()
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "Name": "test", "DicomAet": "ORTHANC", "DicomPort": one.port, "HttpPort": one.http,
                    "RegisteredUsers": {"t": "t"}, "StorageDirectory": str(folder / "store"),
                    "IndexDirectory": str(folder / "store"), "StorageCompression": False,
                    "DicomModalities": {"ours": {"AET": "FIRSTREAD", "Host": "127.0.0.1", "Port": port}},
                    "DicomAlwaysAllowStore": True, "DicomAlwaysAllowMove": True, "DicomAlwaysAllowFind": True,
                    "DicomCheckModalityHost": False, **configuration,
                }
            )
        )  # fmt: skip
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)

        def answers():
            try:
                return one("/system")
            except (urllib.error.URLError, OSError):
                return None

        wait_for(answers, 60)
        return one

    yield start
    for process in started:
        process.kill()
        process.wait()
