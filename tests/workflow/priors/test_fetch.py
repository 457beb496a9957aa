from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as FIND
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as GET

from firstread.archive import PRIOR_SOURCE
from firstread.archive.models import Instance
from firstread.dicom.quiet import quiet
from firstread.errors import UsageError
from firstread.network import Listening, Node, Peer
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller, PeerFailed
from firstread.settings import Settings
from firstread.workflow.priors import fetch_priors, unread_prior
from firstread.workflow.routes import facts_of
from tests.archive.samples import rows
from tests.dicom.ct_series import EXPLICIT
from tests.network.conftest import ANYONE, free_port
from tests.workflow.priors.samples import keep, study, uid

NOW = 9


@pytest.fixture
def pacs(orthanc, tmp_path):
    """A function that starts Orthanc with studies, and returns settings that name it as the source of priors."""

    def start(*studies, port=None, **settings):
        peer = orthanc(port or free_port())
        folder = tmp_path / "studies"
        folder.mkdir()
        for n, each in enumerate(each for one in studies for each in one):
            (folder / f"{n}.dcm").write_bytes(each.header + bytes(each.dataset))
        Caller("CT1").send(Peer("ORTHANC", "127.0.0.1", peer.port), files_of_folder(folder))
        destinations = {"pacs": f"ORTHANC@127.0.0.1:{peer.port}"}
        return Settings(destinations=destinations, prior_source="pacs", dicom_idle_s=20, **settings)

    return start


def sources(archive, number):
    """Where the images of a study came from."""
    return {
        each.source for each in rows(archive, Instance) if each.sop_instance_uid.startswith(f"{uid(number)}.")
    }


def test_the_latest_earlier_studies_of_the_same_patient_are_fetched_with_c_get(archive, pacs):
    settings = pacs(
        study(1, "20200101"),  # more than three years before
        study(2, "20220101"),
        study(3, "20230101"),
        study(4, "20230601", modality="MR"),
        study(5, "20230701", patient="SYN-2"),
        study(6, "20250101"),
        prior_years=3,
        prior_count=2,
    )
    keep(archive, study(NOW, "20240101"))
    assert fetch_priors(archive, settings, uid(NOW)) == (uid(3), uid(2))
    assert len(rows(archive, Instance)) == 6
    assert sources(archive, 3) == sources(archive, 2) == {PRIOR_SOURCE}
    assert facts_of(archive, uid(3)).prior
    assert unread_prior(archive, uid(NOW), "lung_nodule") == uid(3)
    assert fetch_priors(archive, settings, uid(NOW)) == ()  # they are here
    assert fetch_priors(archive, settings, uid(3)) == ()  # a prior has none fetched


def test_priors_are_fetched_with_c_move_by_a_node_that_listens(archive, pacs):
    port = free_port()
    settings = pacs(study(1, "20230101"), port=port, prior_retrieve="move")
    keep(archive, study(NOW, "20240101"))
    with Node(archive, Listening(port=port, acceptance=ANYONE)):
        assert fetch_priors(archive, settings, uid(NOW)) == (uid(1),)
    assert sources(archive, 1) == {PRIOR_SOURCE}


def test_what_came_by_itself_is_not_fetched_and_what_came_in_part_is_completed(archive, pacs):
    settings = pacs(study(1, "20220101"), study(2, "20230101"), prior_count=2)
    keep(archive, study(NOW, "20240101"), study(1, "20220101")[:1])
    keep(archive, study(2, "20230101")[:1], source=PRIOR_SOURCE)
    assert fetch_priors(archive, settings, uid(NOW)) == (uid(2),)
    assert len(rows(archive, Instance)) == 2 + 1 + 2


@pytest.mark.parametrize("source", [None, "pacs"])
def test_nothing_is_asked_without_a_source_or_for_a_text_that_matches_others(archive, source):
    settings = Settings(prior_source=source, destinations={"pacs": f"PACS@127.0.0.1:{free_port()}"})
    keep(archive, study(NOW, "20240101", patient="SYN-*" if source else "SYN-1"))
    assert fetch_priors(archive, settings, uid(NOW)) == ()


def test_a_source_that_is_away_or_none_is_said(archive):
    keep(archive, study(NOW, "20240101"))
    with pytest.raises(PeerFailed, match="does not answer"):
        fetch_priors(archive, Settings(prior_source=f"PACS@127.0.0.1:{free_port()}"), uid(NOW))
    with pytest.raises(UsageError, match="no DICOM node"):
        fetch_priors(archive, Settings(prior_source="pacs"), uid(NOW))


@pytest.fixture
def rude():
    """A function that starts a peer and returns settings that name it.

    It answers every query with one study, and every retrieval with the same instances, whatever is asked.
    """
    servers = []

    def start(sent=(), **said):
        offered = {
            "PatientID": "SYN-1", "PatientBirthDate": "19600101", "IssuerOfPatientID": "HOSPITAL",
            "StudyInstanceUID": uid(1), "StudyDate": "20230101", "StudyTime": "101500", "ModalitiesInStudy": "CT",
        }  # fmt: skip

        def answer(_):
            found = Dataset()
            with quiet():
                for keyword, value in {**offered, **said}.items():
                    setattr(found, keyword, value)
            yield 0xFF00, found

        def send(_):
            yield len(sent)
            for each in sent:
                yield 0xFF00, dcmread(BytesIO(each.header + bytes(each.dataset)))

        entity = AE("RUDE")
        entity.add_supported_context(FIND)
        handlers = [(evt.EVT_C_FIND, answer)]
        if sent:
            entity.add_supported_context(GET)
            entity.add_supported_context(CTImageStorage, EXPLICIT, scu_role=False, scp_role=True)
            handlers.append((evt.EVT_C_GET, send))
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        servers.append(server)
        return Settings(prior_source=f"RUDE@127.0.0.1:{server.server_address[1]}")

    yield start
    for server in servers:
        server.shutdown()


def test_what_a_peer_offers_as_it_was_asked_is_fetched(archive, rude):
    keep(archive, study(NOW, "20240101", issuer="HOSPITAL"))
    with pytest.raises(PeerFailed, match="does not offer"):  # it answers queries only
        fetch_priors(archive, rude(), uid(NOW))


def test_what_a_peer_sends_of_another_study_is_refused(archive, rude):
    keep(archive, study(NOW, "20240101"))
    settings = rude([*study(1, "20230101"), *study(2, "20230101")])
    with pytest.raises(PeerFailed, match="C-GET with status B000"):
        fetch_priors(archive, settings, uid(NOW))
    assert sources(archive, 1) == {PRIOR_SOURCE}
    assert sources(archive, 2) == set()


@pytest.mark.parametrize(
    "said",
    [
        {"PatientID": "SYN-12"},
        {"PatientBirthDate": "19600102"},
        {"PatientBirthDate": ""},
        {"IssuerOfPatientID": "ELSEWHERE"},
        {"StudyDate": "20240102"},
        {"StudyDate": "20181231"},
        {"StudyDate": "20240101", "StudyTime": "101500"},
        {"StudyDate": "older"},
        {"StudyInstanceUID": uid(NOW)},
        {"ModalitiesInStudy": "MR"},
    ],
    ids=lambda said: "-".join(said),
)
def test_what_a_peer_offers_beyond_what_was_asked_is_not_fetched(archive, rude, said):
    keep(archive, study(NOW, "20240101", issuer="HOSPITAL"))
    assert fetch_priors(archive, rude(**said), uid(NOW)) == ()
