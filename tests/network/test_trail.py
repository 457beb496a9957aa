import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelGet
from sqlalchemy import text

from firstread.access.audit.search import all_events
from firstread.archive.database import reading, writing
from firstread.network import Acceptance, Listening, Node, Peer
from firstread.network.answers import keep_answers
from firstread.network.scu import Caller
from firstread.network.trail import NodeTrail
from tests.archive.samples import instances
from tests.network.conftest import ANYONE
from tests.network.test_query_scp import ask
from tests.waiting import wait_for


def events(archive):
    with reading(archive.engine) as connection:
        return [each.content | {"kind": each.code.name} for each in all_events(connection)]


def outgoing(tmp_path, count):
    from firstread.network.outgoing import files_of_folder
    from tests.dicom.ct_series import anatomy, ct_series, write

    return files_of_folder(write(tmp_path / "files", ct_series(anatomy(count, 16))))


@pytest.mark.parametrize("associations", [1, 3])
def test_a_study_that_is_sent_is_two_events_however_many_associations_it_took(
    archive, tmp_path, associations
):
    files = outgoing(tmp_path, 6)
    with Node(archive, Listening(port=0, acceptance=ANYONE)) as node:
        peer = Peer("FIRSTREAD", "127.0.0.1", node.port)
        share = len(files) // associations
        for at in range(0, len(files), share):
            Caller("CT1").send(peer, files[at : at + share])
    began, came = events(archive)
    assert (began["kind"], came["kind"]) == ("BEGIN_TRANSFERRING", "INSTANCES_TRANSFERRED")
    assert came["detail"] == {"service": "C-STORE", "instances": "6"}
    assert began["studies"] == came["studies"]
    assert began["patients"] == came["patients"] != []
    assert (came["actor"]["kind"], came["actor"]["name"], came["does"]) == ("node", "CT1", "C")


def test_that_a_study_came_is_recorded_when_it_is_quiet(archive):
    from types import SimpleNamespace

    requestor = SimpleNamespace(ae_title="CT1", address="192.0.2.1", primitive=None)
    event = SimpleNamespace(assoc=SimpleNamespace(requestor=requestor))
    with NodeTrail(archive.engine, quiet_s=0.05) as trail:
        for each in instances(2):
            trail.received(event, archive.receive(each))
        wait_for(lambda: events(archive)[-1]["kind"] == "INSTANCES_TRANSFERRED")
    assert len(events(archive)) == 2


def test_nothing_is_acknowledged_that_cannot_be_recorded(archive, tmp_path):
    files = outgoing(tmp_path, 1)
    with writing(archive.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO elsewhere"))
    with Node(archive, Listening(port=0, acceptance=ANYONE)) as node:
        peer = Peer("FIRSTREAD", "127.0.0.1", node.port)
        with pytest.raises(Exception, match="not sent"):
            Caller("CT1", tries=1).send(peer, files)
        with writing(archive.engine) as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO audit_event"))
        assert Caller("CT1").send(peer, files).refused == ()
    assert [each["kind"] for each in events(archive)] == ["BEGIN_TRANSFERRING", "INSTANCES_TRANSFERRED"]


def test_a_query_is_recorded_with_its_keys(archive, node, stored):
    ask(node.port, QueryRetrieveLevel="STUDY", PatientName="D*", StudyInstanceUID="")
    (event,) = events(archive)
    assert (event["kind"], event["actor"]["name"]) == ("QUERY", "ASKER")
    assert "PatientName=D*" in event["detail"]["query"]


def test_a_retrieval_is_recorded_before_anything_is_sent(archive, node, stored):
    entity = AE("ASKER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    entity.add_requested_context(CTImageStorage)
    peer = entity.associate("127.0.0.1", node.port, ae_title="FIRSTREAD")
    keep_answers(peer)
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    with reading(archive.engine) as connection:
        asked.StudyInstanceUID = connection.execute(text("SELECT study_uid FROM study")).scalar_one()
    list(peer.send_c_get(asked, StudyRootQueryRetrieveInformationModelGet))
    peer.release()
    (event,) = events(archive)
    assert (event["kind"], event["does"]) == ("INSTANCES_TRANSFERRED", "R")
    assert event["detail"] == {"service": "C-GET", "destination": "ASKER"}
    assert event["studies"] == [asked.StudyInstanceUID]


def test_a_node_that_is_rejected_is_recorded_once(archive):
    with Node(archive, Listening(port=0, acceptance=Acceptance(callers=(), idle_s=10.0))) as node:
        for _ in range(3):
            entity = AE("STRANGER")
            entity.add_requested_context("1.2.840.10008.1.1")
            assert entity.associate("127.0.0.1", node.port, ae_title="FIRSTREAD").is_rejected
    (event,) = events(archive)
    assert (event["kind"], event["outcome"], event["actor"]["name"]) == ("NODE_AUTHENTICATION", 4, "STRANGER")
