"""A route to a research project: from receipt to a folder or a node, as a durable step."""

import pytest
from pydicom import dcmread

from firstread.access import Actor
from firstread.archive import OWN_SOURCE
from firstread.dicom.deidentify.options import options_of
from firstread.errors import UsageError
from firstread.research.models import CrosswalkEntry, Deidentification
from firstread.research.projects import add_project
from firstread.research.sealed import seal_with
from firstread.settings import Settings
from firstread.workflow.deidentify_study import deidentify_study
from firstread.workflow.exports import list_exports, retry_exports
from firstread.workflow.intake import Intake
from firstread.workflow.node import Node
from firstread.workflow.reading import ReadingProcesses
from firstread.workflow.routes import facts_of, load_routes
from firstread.workflow.routes.decide import decide
from firstread.workflow.worker import Worker
from tests.archive.samples import instances, rows
from tests.network.conftest import storescp  # noqa: F401 - a peer
from tests.workflow.samples import receive, until

KEY = "k" * 40
ROUTE = {"name": "research", "project": "lungs", "when": {"modality": "CT"}, "destinations": ["outbox"]}


@pytest.fixture
def outbox(tmp_path):
    folder = tmp_path / "outbox"
    folder.mkdir()
    return folder


@pytest.fixture
def routed(archive, settings, outbox):
    """Settings with a route to the project `lungs`, which is there."""
    add_project(archive.engine, seal_with(KEY), "lungs", options_of([]), actor=Actor("local", "t"))
    made = Settings(
        crosswalk_key=KEY, study_quiet_s=0.0, routes=(ROUTE,), destinations={"outbox": f"folder:{outbox}"}
    )
    return settings.model_copy(
        update={name: getattr(made, name) for name in ("crosswalk_key", "routes", "destinations")}
    )


def attempt(archive, settings):
    """Make one try of what waits, as its workflow does; return its row."""
    (row,) = rows(archive, Deidentification)
    node = Node(archive, settings, ReadingProcesses(settings))
    deidentify_study(node, row.id, row.workflow_id, lambda name, do, *given: do(*given))
    (row,) = rows(archive, Deidentification)
    return row


def test_a_study_that_fits_goes_to_the_folder_of_the_project(archive, routed, outbox):
    receive(archive)
    Intake(archive, routed).route_stable()
    row = attempt(archive, routed)
    assert (row.state, row.instances, row.refused, row.error) == ("done", 3, 0, "")
    files = list((outbox / "lungs").rglob("*.dcm"))
    assert len(files) == 3
    assert {dcmread(path).PatientIdentityRemoved for path in files} == {"YES"}
    assert len([each for each in rows(archive, CrosswalkEntry) if each.kind == "patient"]) == 1


def test_only_series_that_fit_go_and_none_of_our_own_results(archive, routed, outbox):
    receive(archive, 2)
    receive(archive, 1, series=2, change=lambda ds: setattr(ds, "Modality", "MR"))
    archive.receive(instances(1, first=9)[0], source=OWN_SOURCE)
    Intake(archive, routed).route_stable()
    assert attempt(archive, routed).instances == 2


def test_it_goes_once_and_again_when_more_of_it_came(archive, routed):
    receive(archive)
    Intake(archive, routed).route_stable()
    attempt(archive, routed)
    receive(archive)
    Intake(archive, routed).route_stable()
    assert len(rows(archive, Deidentification)) == 1
    receive(archive, 1, first=4)
    Intake(archive, routed).route_stable()
    assert [row.state for row in rows(archive, Deidentification)] == ["done", "waiting"]


def test_a_folder_that_is_away_is_waited_for(archive, routed, outbox):
    receive(archive)
    Intake(archive, routed).route_stable()
    outbox.rmdir()
    row = attempt(archive, routed)
    assert (row.state, row.attempts) == ("waiting", 1)
    assert row.next_try_at is not None and "is not there" in row.error
    outbox.mkdir()
    assert attempt(archive, routed).state == "done"


def test_what_cannot_work_fails_is_listed_and_tried_again_when_asked(archive, routed):
    receive(archive)
    Intake(archive, routed).route_stable()
    row = attempt(archive, routed.model_copy(update={"crosswalk_key": None}))
    assert (row.state, "crosswalk_key" in row.error) == ("failed", True)
    (told,) = list_exports(archive, project="lungs")
    assert (told.state, told.project, told.destination) == ("failed", "lungs", "outbox")
    assert retry_exports(archive) == (row.id,)
    assert attempt(archive, routed).state == "done"


def test_a_route_to_a_project_that_is_not_there_sends_nothing_anywhere(archive, routed, outbox, caplog):
    receive(archive)
    gone = routed.model_copy(update={"routes": ({**ROUTE, "project": "hearts"},)})
    Intake(archive, gone).route_stable()
    assert rows(archive, Deidentification) == []
    assert "hearts" in caplog.text


def test_the_decision_says_what_goes_where(archive, routed):
    uid = receive(archive)
    decision = decide(facts_of(archive, uid), load_routes(routed))
    (export,) = decision.exports
    assert (export.project, export.destinations, len(export.series)) == ("lungs", ("outbox",), 1)
    assert decision.reads == ()
    assert [(each.reader, each.outcome) for each in decision.explanation] == [("project lungs", "reads")]


@pytest.mark.parametrize(
    "spoilt",
    [
        {**ROUTE, "reader": "ball"},
        {key: value for key, value in ROUTE.items() if key != "project"},
        {**ROUTE, "destinations": []},
        {**ROUTE, "project": "../up"},
        {**ROUTE, "destinations": ["nowhere"]},
    ],
    ids=["reader too", "neither", "no destination", "a path", "unknown destination"],
)
def test_a_route_that_cannot_be_used_is_refused(routed, spoilt, ball_reader):
    with pytest.raises(UsageError, match="research"):
        load_routes(routed.model_copy(update={"routes": (spoilt,)}))


def test_images_go_to_no_webhook(routed):
    made = Settings(destinations={"outbox": "webhook:https://hooks.example/x"})
    with pytest.raises(UsageError, match="webhook"):
        load_routes(routed.model_copy(update={"destinations": made.destinations}))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_does_it_from_receipt_to_folder(archive, routed, outbox):
    receive(archive)
    with Worker(archive, routed):
        until(lambda: [row.state for row in rows(archive, Deidentification)] == ["done"])
    assert len(list((outbox / "lungs").rglob("*.dcm"))) == 3


def test_a_node_gets_the_same_without_the_patient(archive, routed, storescp):  # noqa: F811
    port, got = storescp
    made = Settings(destinations={"outbox": f"RESEARCH@127.0.0.1:{port}"})
    receive(archive)
    Intake(archive, routed).route_stable()
    row = attempt(archive, routed.model_copy(update={"destinations": made.destinations}))
    assert (row.state, row.instances) == ("done", 3)
    arrived = [dcmread(path) for path in got.iterdir()]
    assert len(arrived) == 3
    assert {str(each.PatientName)[0] for each in arrived} == {"P"}
    assert not list(archive.folder.glob("deidentified-*"))
