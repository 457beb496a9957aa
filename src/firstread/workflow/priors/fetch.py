"""Priors that are elsewhere: asked for with C-FIND, fetched with C-GET or C-MOVE (PS3.4 annex C)."""

import logging
from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset
from sqlalchemy import select

from firstread.archive import PRIOR_SOURCE, Archive, Part10, Receipt
from firstread.archive.database import reading
from firstread.archive.header import read_header
from firstread.archive.models import Instance, Series, Study
from firstread.archive.uids import is_uid
from firstread.dicom.header import text, whole
from firstread.dicom.quiet import quiet
from firstread.errors import RefusedInput
from firstread.network.configured import caller_of, peer_of
from firstread.network.peers import Peer
from firstread.network.scu import Caller
from firstread.settings import Settings
from firstread.workflow.priors.earlier import Current, current_study

_log = logging.getLogger(__name__)
_NO_TEXT_TO_ASK_FOR = set("*?\\")


@dataclass(frozen=True)
class _Offered:
    """An earlier study that a peer has; `instances` where it says how many."""

    study_uid: str
    study_date: str
    study_time: str
    instances: int | None


def fetch_priors(archive: Archive, settings: Settings, study_uid: str) -> tuple[str, ...]:
    """Fetch the latest earlier studies of the same patient from `prior_source`, where the archive lacks them.

    They are of a modality of the study, at most `prior_years` before it, and `prior_count` at most. Patient ID and
    birth date must be the same, and the issuer where both say it. What is fetched has the source `PRIOR_SOURCE`: no
    route is asked for it, and it has no priors fetched. A study that is there in part from an earlier try is completed.

    Returns:
        The Study Instance UIDs of those that were fetched now, the latest first.

    Raises:
        UsageError: `prior_source` is no DICOM node.
        PeerFailed: the peer does not answer, or could not send everything.
        ArchiveUnavailable: the database or a disk does not answer.
    """
    current = current_study(archive, study_uid) if settings.prior_source else None
    if current is None or current.fetched or not settings.prior_source:
        return ()
    if _NO_TEXT_TO_ASK_FOR & {*current.patient_id}:  # it would match others, too
        return ()
    peer, caller = peer_of(settings, settings.prior_source), caller_of(settings)
    offered = _offered(caller, peer, current, years=settings.prior_years)
    fetched = []
    for each in offered[: settings.prior_count]:
        if not _is_here(archive, each):
            count = _fetch(archive, settings, caller, peer, each.study_uid)
            _log.info("%d instances of prior %s fetched", count, each.study_uid)
            fetched.append(each.study_uid)
    return tuple(fetched)


def _fetch(archive: Archive, settings: Settings, caller: Caller, peer: Peer, study_uid: str) -> int:
    keys = {"StudyInstanceUID": study_uid}
    if settings.prior_retrieve == "move":
        return caller.move(peer, keys, destination=settings.dicom_ae_title)

    def receive(instance: Part10, *, source: str) -> Receipt:
        if read_header(instance).study_uid != study_uid:
            raise RefusedInput(
                "It is of another study than was asked for.", remedy="See to the source of priors."
            )
        return archive.receive(instance, source=PRIOR_SOURCE)

    return caller.get(peer, keys, receive)


def _offered(caller: Caller, peer: Peer, current: Current, *, years: int) -> list[_Offered]:
    """Return the earlier studies of the same patient and modality that a peer has, the latest first."""
    since = _years_before(current.study_date, years)
    keys = {
        "PatientID": current.patient_id,
        "StudyDate": f"{since}-{current.study_date}",
        **dict.fromkeys(
            ("IssuerOfPatientID", "PatientBirthDate", "StudyTime", "StudyInstanceUID",
             "NumberOfStudyRelatedInstances"), ""
        ),
    }  # fmt: skip
    found: dict[str, _Offered] = {}
    for modality in current.modalities:
        with quiet():  # pydicom's remarks on what peers answer quote it
            answers = caller.find(peer, "STUDY", {**keys, "ModalitiesInStudy": modality})
            offered = [
                _as_offered(answer) for answer in answers if _is_prior(answer, current, modality, since)
            ]
        found |= {each.study_uid: each for each in offered}
    return sorted(found.values(), key=lambda each: (each.study_date, each.study_time), reverse=True)


def _as_offered(answer: Dataset) -> _Offered:
    return _Offered(
        text(answer, "StudyInstanceUID"),
        text(answer, "StudyDate"),
        text(answer, "StudyTime"),
        whole(answer, "NumberOfStudyRelatedInstances"),
    )


def _is_prior(answer: Dataset, current: Current, modality: str, since: str) -> bool:
    """Hold an answer against what was asked: peers match loosely."""
    uid, issuer = text(answer, "StudyInstanceUID"), text(answer, "IssuerOfPatientID")
    return (
        is_uid(uid)
        and uid != current.study_uid
        and text(answer, "PatientID") == current.patient_id
        and (not issuer or not current.issuer or issuer == current.issuer)
        and text(answer, "PatientBirthDate") == current.birth_date
        and modality in text(answer, "ModalitiesInStudy").split("\\")
        and text(answer, "StudyDate") >= since
        and current.is_after(text(answer, "StudyDate"), text(answer, "StudyTime"))
    )


def _is_here(archive: Archive, offered: _Offered) -> bool:
    """Tell whether the archive has a study: received like any other, or fetched whole."""
    sources = select(Instance.source).join(Series, Series.id == Instance.series_key)
    with reading(archive.engine) as connection:
        study = connection.execute(
            select(Study.id, Study.number_of_instances).where(Study.study_uid == offered.study_uid)
        ).one_or_none()
        if study is None:
            return False
        of_study = sources.where(Series.study_key == study.id)
        if connection.execute(of_study.where(Instance.source != PRIOR_SOURCE).limit(1)).first():
            return True
    return offered.instances is None or study.number_of_instances >= offered.instances


def _years_before(day: str, years: int) -> str:
    """Return the same day so many years ago, as DICOM writes it; 1 March for 29 February."""
    year, month, of_month = int(day[:4]) - years, int(day[4:6]), int(day[6:8])
    try:
        return f"{date(max(1, year), month, of_month):%Y%m%d}"
    except ValueError:
        return f"{max(1, year):04d}0301"
