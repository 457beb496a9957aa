"""The containers of deploy/compose.yaml as processes of this machine, with a real PostgreSQL and a real Orthanc.

What the image would set, and the ports and host names of the containers' network, are other here; the rest is the
file's.
"""

import subprocess
import sys
from contextlib import ExitStack

import pytest

from firstread.network import Peer
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller
from tests.network.conftest import orthanc
from tests.serving import serving
from tests.test_deploy import COMPOSE, DEPLOY
from tests.workflow.conftest import tell_ball_reader
from tests.workflow.samples import until

__all__ = ["orthanc"]


def as_process(role, folder):
    """Return a container's environment with the places of this machine."""
    given = COMPOSE["services"][role]["environment"]
    variables = {name: value.replace("/run/secrets", str(folder)) for name, value in given.items()}
    here = {"FIRSTREAD_CONFIG": str(folder / "firstread.toml"), "FIRSTREAD_HEALTH_PORT": "0"}
    return variables | here | {"FIRSTREAD_DICOM_CALLERS": None}


@pytest.mark.timeout(300)
def test_a_study_goes_from_orthanc_to_the_node_and_its_result_comes_back(
    tmp_path, orthanc, postgres_url, small_study, ball_reader, monkeypatch
):
    tell_ball_reader(ball_reader, tmp_path, monkeypatch)("")
    (tmp_path / "database_url").write_text(postgres_url)
    settings = (DEPLOY / "firstread.toml").read_text().replace("lung_nodule", "ball")
    (tmp_path / "firstread.toml").write_text(settings)
    with ExitStack() as stack:

        def start(role, **others):
            return stack.enter_context(serving(tmp_path, role=role, **as_process(role, tmp_path), **others))

        scp = start("scp")
        pacs = orthanc(scp.peer.port)
        there = settings.replace("orthanc:4242", f"127.0.0.1:{pacs.port}")
        (tmp_path / "firstread.toml").write_text(there)
        nodes = [scp, start("api"), start("worker", study_quiet_s="0.2")]
        for node in nodes:
            until(lambda node=node: asks(node) == 0)
        Caller("SCANNER").send(Peer("ORTHANC", "127.0.0.1", pacs.port), files_of_folder(small_study))
        (study,) = pacs("/studies")
        pacs("/modalities/ours/store", [study])
        until(lambda: {"CT", "SR", "SEG"} <= modalities(pacs, study), 120)
        for node in nodes:
            node.process.terminate()
        assert [node.process.wait(60) for node in nodes] == [0, 0, 0]


def asks(node):
    """Run the health check of the containers; return its exit code."""
    (check,) = {COMPOSE["services"][name]["healthcheck"]["test"][-1] for name in ("scp", "api", "worker")}
    port = (node.told.get("api") or node.told["health"])["port"]
    command = [sys.executable, "-c", check.replace(":8080/", f":{port}/")]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode


def modalities(pacs, study):
    return {each["MainDicomTags"]["Modality"] for each in pacs(f"/studies/{study}/series")}
