import json
import shutil

import pytest

from firstread.access.audit.models import AuditEvent
from firstread.archive.database import writing
from firstread.archive.models import DeployedModel
from firstread.findings import ModelUse
from firstread.settings import Settings
from firstread.workflow.deployed import Deployments, note_used
from tests.archive.samples import rows
from tests.engine.tiny_network import conv_net, write_package


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages, and none that ships."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr("firstread.engine.packages.search_path", lambda settings: settings.models)
    return folder


@pytest.fixture
def deployments(archive, site):
    return Deployments(archive, Settings(models=(site,)))


def told(archive):
    """What the trail says of models: what happened to which, and the digests after and before."""
    events = [json.loads(row.content) for row in rows(archive, AuditEvent) if row.subtype == "110131"]
    said = [each["detail"] for each in events]
    return [(each["what"], each["model"], each["digest"], each.get("former digest")) for each in said]


def test_a_package_that_comes_changes_and_goes_is_in_the_trail_with_its_digest(archive, site, deployments):
    first = write_package(site / "net")
    deployments.look()
    deployments.look()
    assert told(archive) == [("model deployed", "net", first.digest, None)]
    shutil.rmtree(site / "net")
    second = write_package(site / "net", model=conv_net(seed=1))
    deployments.look()
    assert told(archive)[1:] == [("model replaced", "net", second.digest, first.digest)]
    shutil.rmtree(site / "net")
    deployments.look()
    assert told(archive)[2:] == [("model removed", "net", second.digest, None)]
    assert all(row.until is not None for row in rows(archive, DeployedModel))


def test_a_worker_that_starts_anew_finds_nothing_new(archive, site, deployments):
    write_package(site / "net")
    deployments.look()
    Deployments(archive, Settings(models=(site,))).look()
    assert len(told(archive)) == 1


def test_a_damaged_package_is_not_deployed(archive, site, deployments, caplog):
    write_package(site / "net")
    (site / "net" / "f32.bin").write_bytes(b"damaged")
    deployments.look()
    assert told(archive) == []
    assert "f32.bin" in caplog.text


def test_a_result_by_a_model_that_nobody_found_is_recorded_once(archive, site, deployments):
    package = write_package(site / "net")
    deployments.look()
    used = [
        ModelUse(name="net", version="1.0.0", digest=package.digest, precision="f32"),
        ModelUse(name="brought", version="2", digest="ab" * 32, precision="int8"),
    ]
    for _ in range(2):
        with writing(archive.engine) as connection:
            note_used(connection, used)
    assert told(archive)[1:] == [("model used", "brought", "ab" * 32, None)]
