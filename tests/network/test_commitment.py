import threading

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from firstread.network import Listening, Node, Peer
from firstread.network.answers import keep_answers
from tests.network.conftest import ANYONE, free_port, wait_for

CT = "1.2.840.10008.5.1.4.1.1.2"
TRANSACTION = "1.2.826.0.1.3680043.8.498.99"


class Reports:
    """What N-EVENT-REPORT told."""

    def __init__(self):
        self.told = []
        self.arrived = threading.Event()

    def take(self, event):
        self.told.append((event.event_type, event.event_information))
        return 0x0000, None

    def sent(self, event):
        if self.told:
            self.arrived.set()


def request(references, transaction=TRANSACTION, padding=""):
    made = Dataset()
    made.TextValue = padding
    made.TransactionUID = transaction
    made.ReferencedSOPSequence = []
    for sop_class, uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        made.ReferencedSOPSequence.append(item)
    return made


def ask(port, reports, information, *, action=1, instance=StorageCommitmentPushModelInstance, wait=True):
    entity = AE("ASKER")
    entity.add_requested_context(StorageCommitmentPushModel)
    peer = entity.associate(
        "127.0.0.1", port, ae_title="FIRSTREAD",
        ext_neg=[build_role(StorageCommitmentPushModel, scu_role=True, scp_role=True)],
        evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.take), (evt.EVT_PDU_SENT, reports.sent)],
    )  # fmt: skip
    keep_answers(peer)
    status, _ = peer.send_n_action(information, action, StorageCommitmentPushModel, instance)
    if wait and status.Status == 0x0000:
        assert reports.arrived.wait(20)  # and its answer is on its way: no release overtakes it
    peer.release()
    return status.Status


def test_what_is_stored_is_committed_on_the_association_on_which_it_was_asked(node, stored):
    reports = Reports()
    assert ask(node.port, reports, request([(CT, each.sop_instance_uid) for each in stored])) == 0x0000
    ((kind, report),) = reports.told
    assert (kind, report.TransactionUID) == (1, TRANSACTION)
    assert {item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence} == {
        each.sop_instance_uid for each in stored
    }
    assert "FailedSOPSequence" not in report


def test_what_is_not_stored_or_lost_or_of_another_class_is_told_with_its_reason(archive, node, stored):
    from firstread.archive.models import Instance
    from tests.archive.samples import rows

    lost = rows(archive, Instance)[1]
    archive.files.path(lost.file).unlink()
    asked = [
        (CT, stored[0].sop_instance_uid),
        (CT, lost.sop_instance_uid),
        (CT, "1.2.3.4"),
        ("1.2.840.10008.5.1.4.1.1.4", stored[2].sop_instance_uid),
    ]
    reports = Reports()
    ask(node.port, reports, request(asked))
    ((kind, report),) = reports.told
    assert kind == 2
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [asked[0][1]]
    reasons = {item.ReferencedSOPInstanceUID: item.FailureReason for item in report.FailedSOPSequence}
    assert reasons == {asked[1][1]: 0x0112, "1.2.3.4": 0x0112, asked[3][1]: 0x0119}


def test_a_requester_that_is_a_destination_is_called_back(archive, stored):
    reports = Reports()
    entity = AE("ASKER")
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    port = free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.take)]
    )
    destinations = {"ASKER": Peer("ASKER", "127.0.0.1", port)}
    with Node(archive, Listening(port=0, acceptance=ANYONE, destinations=destinations)) as node:
        asked = request([(CT, stored[0].sop_instance_uid)])
        assert ask(node.port, Reports(), asked, wait=False) == 0x0000
        wait_for(lambda: reports.told)
    server.shutdown()
    assert reports.told[0][0] == 1


@pytest.mark.parametrize(
    ("information", "options", "status"),
    [
        (request([(CT, "1.2.3")]), {"action": 2}, 0x0123),
        (request([(CT, "1.2.3")]), {"instance": "1.2.3"}, 0x0112),
        (request([]), {}, 0x0115),
        (Dataset(), {}, 0x0115),
        (request([(CT, "1.2.3")], padding="x" * (17 << 20)), {}, 0x0115),
    ],
)
def test_a_request_that_is_none_is_refused_by_its_status(node, information, options, status):
    if not information:
        information.PatientID = "1"
    assert ask(node.port, Reports(), information, wait=False, **options) == status


def test_orthanc_is_told_that_what_it_sent_is_committed(archive, orthanc, stored):
    port = free_port()
    peer = orthanc(port)
    destinations = {"ORTHANC": Peer("ORTHANC", "127.0.0.1", peer.port)}
    with Node(archive, Listening(port=port, acceptance=ANYONE, destinations=destinations)):
        asked = {"DicomInstances": [[CT, stored[0].sop_instance_uid], [CT, "1.2.3.4"]]}
        transaction = peer("/modalities/ours/storage-commitment", asked)["ID"]

        def report():
            found = peer(f"/storage-commitment/{transaction}")
            return found if found["Status"] != "Pending" else None

        found = wait_for(report, 30)
    assert found["Status"] == "Failure"
    assert [each["SOPInstanceUID"] for each in found["Success"]] == [stored[0].sop_instance_uid]
    assert [(each["SOPInstanceUID"], each["FailureReason"]) for each in found["Failures"]] == [
        ("1.2.3.4", 0x0112)
    ]
