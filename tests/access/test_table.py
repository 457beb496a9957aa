"""Every route, service and command, as every role, inside and outside its scope: `table.py` says what must come out."""

import json
import re
from contextlib import contextmanager, nullcontext

import pytest
import requests
import typer.main
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as FIND
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as GET
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as MOVE
from sqlalchemy import select, text

from firstread.access import Action
from firstread.access.door import RightsDoor
from firstread.access.rights import Rights
from firstread.access.rights.change import list_rules
from firstread.archive import open_archive
from firstread.archive.database import reading, writing
from firstread.archive.models import Job
from firstread.cli.app import app as command_line
from firstread.network import Acceptance, Listening, Node, Peer
from firstread.network.answers import keep_answers
from firstread.network.contexts import SERVED
from firstread.web import create_app
from firstread.web.health import Health
from firstread.workflow.reporting.signing import Signatory
from tests.access.table import COMMANDS, RIGHTS, ROUTES, SERVICES, Needs, Open
from tests.access.world import INSIDE, MISSING, OUTSIDE, ROLES, fill, name_of, staff
from tests.cli.conftest import firstread  # noqa: F401 - a fixture
from tests.network.dicomweb.conftest import running
from tests.waiting import wait_for

EVERYBODY = (*ROLES, "nobody")
NOT_ALLOWED = 0x0124
NOT_ALLOWED_HERE = 6


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with open_archive(tmp_path_factory.mktemp("hospital")) as opened:
        fill(opened)
        for kind in ("person", "node", "local"):
            staff(opened, kind=kind)
        yield opened


# What there is


def routes_of(router, prefix=""):
    for route in router.routes:
        if hasattr(route, "original_router"):
            yield from routes_of(route.original_router, prefix + route.include_context.prefix)
        elif hasattr(route, "routes"):
            yield from routes_of(route, prefix + route.path)
        else:
            yield from ((method, prefix + route.path) for method in route.methods if method != "HEAD")


def commands_of(group, above=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{above}{name} ")
        else:
            yield above + name


def test_every_route_is_in_the_table_and_no_other(archive):
    app = create_app(archive, keep_metadata=False, health=Health({}))
    assert set(routes_of(app)) == set(ROUTES)


def test_every_command_is_in_the_table_and_no_other():
    assert set(commands_of(typer.main.get_command(command_line))) == set(COMMANDS)


def test_every_service_is_in_the_table_and_no_other(archive):
    with Node(archive, Listening(port=0, acceptance=Acceptance(callers=None))) as node:
        handled = {
            event.name.removeprefix("EVT_").replace("_", "-")
            for event, handler in node._server._handlers.items()
            if event.is_intervention and handler and handler[0].__module__.startswith("firstread.")
        }
    assert handled == set(SERVICES)
    assert {str(uid) for uid in SERVED} >= {str(FIND), str(GET), str(MOVE), str(StorageCommitmentPushModel)}


def test_the_shipped_rules_are_the_rights_of_the_table(archive):
    shipped = {}
    with reading(archive.engine) as connection:
        for rule in list_rules(connection):
            assert rule.effect == "allow"
            role = rule.subject.removeprefix("role:")
            shipped.setdefault(role, {})[rule.action] = "all" if rule.scope == "*" else "scope"
    assert shipped.pop("node") == {"study.store": "all"}
    assert shipped == {role: rights for role, rights in RIGHTS.items() if rights}
    assert {action for rights in RIGHTS.values() for action in rights} <= set(Action)


# Over HTTP


@pytest.fixture(scope="module")
def client(archive):
    """A client of the whole app that says who it is in a header."""
    actors = staff(archive)
    door = RightsDoor(Rights(archive.engine), lambda request: actors.get(request.headers.get("x-role", "")))
    app = create_app(archive, door=door, keep_metadata=False, health=Health({}))
    app.state.reauthenticate = lambda connection, actor, secret: Signatory(None, actor.name, actor.name)
    with running(app) as url, requests.Session() as session:
        yield lambda method, path, **options: session.request(method, url + path, timeout=30, **options)


def ask(client, route, row, role, case):
    method, path = route
    values = {"study": case.study, "series": case.series, "instance": case.instance}
    values |= {"job": str(case.job), "alert": str(row.alert(case)), **row.path}
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    content = row.body(case) if row.body else None
    return client(method, path, headers={**row.headers, "x-role": role}, data=content)


def anonymous(answer, case):
    """An answer without the UIDs that the request itself named."""
    return (
        answer.status_code,
        re.sub(re.escape(case.study) + r"[.\d]*", "UID", answer.text),
        answer.headers.get("warning"),
    )


@pytest.mark.parametrize("role", EVERYBODY)
def test_a_route_does_what_the_table_says(archive, client, role):
    for route, row in ROUTES.items():
        if isinstance(row, Open):
            continue
        right = RIGHTS[role].get(row.action)
        if right is None:
            answers = [ask(client, route, row, role, case) for case in (INSIDE, OUTSIDE, MISSING)]
            assert {answer.status_code for answer in answers} == {403}, route
            assert len({answer.text for answer in answers}) == 1, route
        elif row.kind == "list":
            answer = ask(client, route, row, role, INSIDE)
            assert answer.status_code == 200, route
            assert row.marker(INSIDE) in answer.text, route
            assert (row.marker(OUTSIDE) in answer.text) == (right == "all"), route
        elif row.kind == "one":
            missing = anonymous(ask(client, route, row, role, MISSING), MISSING)
            outside = anonymous(ask(client, route, row, role, OUTSIDE), OUTSIDE)
            inside = anonymous(ask(client, route, row, role, INSIDE), INSIDE)
            assert inside != missing, route
            assert inside[0] < 300, route
            assert (outside == missing) == (right == "scope"), route
        elif row.kind == "whole":
            answers = [ask(client, route, row, role, case) for case in (INSIDE, OUTSIDE)]
            assert all(answer.status_code < 400 for answer in answers), route
            assert anonymous(answers[0], INSIDE) == anonymous(answers[1], OUTSIDE), route
        if row.changes:
            fill(archive)


def test_nobody_who_is_not_known_may_do_what_is_not_open(client):
    for route, row in ROUTES.items():
        if isinstance(row, Needs):
            answers = [ask(client, route, row, "", case) for case in (INSIDE, OUTSIDE, MISSING)]
            assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}, (
                route
            )


# Through DICOM


@pytest.fixture(scope="module")
def nodes(archive, tmp_path_factory):
    """The node, and the archive of another to which it may send."""
    anyone = Acceptance(callers=None, idle_s=10.0)
    with (
        open_archive(tmp_path_factory.mktemp("sink")) as kept,
        Node(kept, Listening(ae_title="SINK", port=0, acceptance=anyone)) as sink,
    ):
        destinations = {"SINK": Peer("SINK", "127.0.0.1", sink.port)}
        with Node(archive, Listening(port=0, acceptance=anyone, destinations=destinations)) as node:
            yield node, sink, kept


@contextmanager
def calling(port, role):
    entity = AE(name_of(role))
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    for context in (Verification, FIND, GET, MOVE, CTImageStorage, StorageCommitmentPushModel):
        entity.add_requested_context(context)
    kept = []
    peer = entity.associate(
        "127.0.0.1", port, ae_title="FIRSTREAD", ext_neg=[build_role(CTImageStorage, scu_role=True, scp_role=True)],
        evt_handlers=[
            (evt.EVT_C_STORE, lambda event: kept.append(event.request.AffectedSOPInstanceUID) or 0),
            (evt.EVT_N_EVENT_REPORT, lambda event: (kept.append(event.event_information), (0, None))[1]),
        ],
    )  # fmt: skip
    assert peer.is_established
    keep_answers(peer)
    yield peer, kept
    peer.release()


def identifier(case, level="STUDY"):
    made = Dataset()
    made.QueryRetrieveLevel = level
    made.StudyInstanceUID = case.study if case else ""
    return made


@pytest.mark.parametrize("role", EVERYBODY)
def test_a_service_does_what_the_table_says(nodes, role):
    node, _, kept_there = nodes
    right = RIGHTS[role].get("study.read")
    assert all(
        row.action == "study.read" for name, row in SERVICES.items() if name in ("C-FIND", "C-GET", "C-MOVE")
    )
    with calling(node.port, role) as (peer, kept):
        assert peer.send_c_echo().Status == 0
        found = list(peer.send_c_find(identifier(None), FIND))
        uids = {each.StudyInstanceUID for _, each in found if each is not None}
        status = found[-1][0].Status
        if right is None:
            assert (status, uids) == (NOT_ALLOWED, set())
        else:
            assert (status, INSIDE.study in uids, OUTSIDE.study in uids) == (0, True, right == "all")
        for case in (INSIDE, OUTSIDE, MISSING):
            expected = right == "all" or (right == "scope" and case is INSIDE)
            expected = expected and case is not MISSING
            kept.clear()
            *_, (got, _) = peer.send_c_get(identifier(case), GET)
            assert got.Status == (NOT_ALLOWED if right is None else 0)
            assert bool(kept) == expected
            forget(kept_there)
            *_, (moved, _) = peer.send_c_move(identifier(case), "SINK", MOVE)
            assert moved.Status == (NOT_ALLOWED if right is None else 0)
            assert bool(instances_of(kept_there)) == expected


@pytest.mark.parametrize("role", EVERYBODY)
def test_every_node_that_may_associate_may_send_and_ask_about_what_it_sent_alone(archive, nodes, role):
    node, _, _ = nodes
    assert SERVICES["C-STORE"] == SERVICES["N-ACTION"] == Needs("study.store", "whole")
    mine = INSIDE.images(1, series=50 + EVERYBODY.index(role))[0]
    right = RIGHTS[role].get("study.read")
    with calling(node.port, role) as (peer, kept):
        assert peer.send_c_store(read(mine)).Status == 0
        asked = Dataset()
        asked.TransactionUID = "1.2.3"
        asked.ReferencedSOPSequence = [reference(uid) for uid in (mine.sop_instance_uid, INSIDE.instance,
                                                                  OUTSIDE.instance, MISSING.instance)]  # fmt: skip
        status, _ = peer.send_n_action(
            asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        assert status.Status == 0
        wait_for(lambda: kept)
        committed = {item.ReferencedSOPInstanceUID for item in kept[0].get("ReferencedSOPSequence", [])}
        reasons = {item.FailureReason for item in kept[0].get("FailedSOPSequence", [])}
    assert mine.sop_instance_uid in committed
    assert (INSIDE.instance in committed) == (right is not None)
    assert (OUTSIDE.instance in committed) == (right == "all")
    assert reasons == {0x0112}  # no such object, of what is not there and of what is not seen


def test_a_node_without_the_right_to_send_is_told_so(archive, nodes):
    node, _, _ = nodes
    from firstread.access.rights.change import add_rule, remove_rule

    with writing(archive.engine) as connection:
        rule = add_rule(connection, "node:STRANGER", "study.store", effect="deny")
    try:
        with calling(node.port, "stranger") as (peer, _):
            assert peer.send_c_store(read(INSIDE.images(1)[0])).Status == NOT_ALLOWED
    finally:
        with writing(archive.engine) as connection:
            remove_rule(connection, rule.id)


def read(image):
    from io import BytesIO

    from pydicom import dcmread

    dataset = dcmread(BytesIO(image.header + bytes(image.dataset)))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return dataset


def reference(uid):
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, uid
    return item


def instances_of(archive):
    with reading(archive.engine) as connection:
        return list(connection.execute(text("SELECT sop_instance_uid FROM instance")).scalars())


def forget(archive):
    with writing(archive.engine) as connection:
        for table in ("instance", "series", "study"):
            connection.execute(text(f"DELETE FROM {table}"))


# At the command line


@pytest.mark.parametrize("role", EVERYBODY[:-1])  # a user without a role has the administrator's
def test_a_command_does_what_the_table_says(archive, nodes, firstread, monkeypatch, role):  # noqa: F811
    # Opened once, not by each of hundreds of commands.
    monkeypatch.setattr("firstread.archive.archive_of", lambda settings: nullcontext(archive))
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_KEEP_DAYS", "36500")
    monkeypatch.setattr("getpass.getuser", lambda: name_of(role))
    sink = str(nodes[1].port)

    def run(name, row, case):
        arguments = [each.replace("{sink}", sink) for each in row.arguments(case)]
        ended = firstread(*name.split(), *arguments)
        said = ended.out + ended.err
        return ended.code, said.replace(case.study, "UID").replace(str(case.job), "JOB"), ended.out

    for name, row in COMMANDS.items():
        if isinstance(row, Open):
            continue
        right = RIGHTS[role].get(row.action)
        if right is None:
            cases = (INSIDE,) if row.kind == "whole" else (INSIDE, OUTSIDE, MISSING)
            ended = [run(name, row, case)[:2] for case in cases]
            assert ended[0][0] == NOT_ALLOWED_HERE, name
            assert len(set(ended)) == 1, name
        elif row.kind == "whole":
            assert run(name, row, INSIDE)[0] != NOT_ALLOWED_HERE, name
        elif row.kind == "list":
            code, _, listed = run(name, row, INSIDE)
            uids = {each.get("study_uid") or each.get("StudyInstanceUID") for each in json.loads(listed)}
            assert code == 0, name
            assert (INSIDE.study in uids, OUTSIDE.study in uids) == (True, right == "all"), name
        else:
            missing, outside = run(name, row, MISSING)[:2], run(name, row, OUTSIDE)[:2]
            inside = run(name, row, INSIDE)[:2]
            assert inside != missing, name
            assert (outside == missing) == (right == "scope"), name
        if row.changes:
            with writing(archive.engine) as connection:
                connection.execute(text("UPDATE job SET state = 'failed'"))
                connection.execute(text("UPDATE delivery SET state = 'failed'"))
    with reading(archive.engine) as connection:
        assert connection.execute(select(Job.id).where(Job.id == OUTSIDE.job)).first() is not None
