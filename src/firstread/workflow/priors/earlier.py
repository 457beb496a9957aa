"""Earlier studies of the same patient in the archive, and what was read of them.

The same patient is who has the same Patient ID and issuer, and was born on the same day. A study that came under two
patients is nobody's prior, and has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import not_, select

from firstread.archive import OWN_SOURCE, Archive
from firstread.archive.database import reading
from firstread.archive.models import Instance, Job, Patient, Result, Series, Study
from firstread.dicom.header import text
from firstread.workflow.images import is_image, sources_of, was_fetched
from firstread.workflow.result_folder import RESULT_JSON
from firstread.workflow.stored_header import stored_header

_ENDED = ("done", "failed", "cancelled")
_LOOKED_AT = 16  # files of a study, for one header that says who the patient is


@dataclass(frozen=True)
class Current:
    """The study that is compared: its keys, when it was made, whose it is, and the modalities of its images.

    `fetched`: it is here as a prior itself.
    """

    key: int
    patient_key: int
    study_uid: str
    study_date: str
    study_time: str
    patient_id: str
    issuer: str
    birth_date: str
    modalities: tuple[str, ...]
    fetched: bool

    def is_after(self, study_date: str, study_time: str) -> bool:
        """Tell whether a study of this date and time was made before this one; it is not where nobody can know."""
        if study_date == self.study_date:
            return "" < study_time < self.study_time
        return len(study_date) == 8 and study_date.isdigit() and study_date < self.study_date


def current_study(archive: Archive, study_uid: str) -> Current | None:
    """Return the study, where it can have a prior: it is in the archive, has a date, and is one patient's.

    Raises:
        ArchiveUnavailable: the database or a disk does not answer.
    """
    columns = (Study.id, Study.patient_key, Study.study_uid, Study.study_date, Study.study_time)
    with reading(archive.engine) as connection:
        row = connection.execute(
            select(*columns, Patient.patient_id, Patient.issuer)
            .join(Patient, Patient.id == Study.patient_key)
            .where(Study.study_uid == study_uid, not_(Study.inconsistent))
        ).one_or_none()
        if row is None or not row.patient_id or not row.study_date:
            return None
        modalities = (
            connection.execute(
                select(Series.modality)
                .distinct()
                .join(Instance, Instance.series_key == Series.id)
                .where(Series.study_key == row.id, Series.modality != "", is_image())
                .order_by(Series.modality)
            )
            .scalars()
            .all()
        )
        sources = sources_of(connection, row.id)
    return Current(
        *row,
        birth_date=_birth_date(archive, row.id),
        modalities=tuple(modalities),
        fetched=was_fetched(sources),
    )


def find_prior(archive: Archive, study_uid: str, reader: str) -> Path | None:
    """Return the result folder of the latest earlier study of the same patient that a reader has read.

    Raises:
        ArchiveUnavailable: the database or a disk does not answer.
    """
    current = current_study(archive, study_uid)
    for key, _ in _earlier_studies(archive, current) if current else ():
        if (folder := _result(archive, key, reader)) is not None:
            return folder
    return None


def unread_prior(archive: Archive, study_uid: str, reader: str) -> str | None:
    """Return the UID of the study that is to be read before it can be a prior, or None.

    It is the latest earlier study of the same patient, where that was fetched to compare with, and no reading of it
    by this reader has ended yet. To be asked again when it has: another one may come next. A study that is here as a
    prior is read without.

    Raises:
        ArchiveUnavailable: the database or a disk does not answer.
    """
    current = current_study(archive, study_uid)
    for key, uid in _earlier_studies(archive, current) if current and not current.fetched else ():
        if _result(archive, key, reader) is not None:
            return None
        if _was_fetched(archive, key) and not _has_ended(archive, key, reader):
            return uid
    return None


def _earlier_studies(archive: Archive, current: Current) -> Iterator[tuple[int, str]]:
    """Yield key and UID of the earlier studies of the same patient, the latest first."""
    columns = (Study.id, Study.study_uid, Study.study_date, Study.study_time)
    with reading(archive.engine) as connection:
        others = connection.execute(
            select(*columns)
            .where(
                Study.patient_key == current.patient_key,
                Study.id != current.key,
                not_(Study.inconsistent),
                Study.study_date != "",
                Study.study_date <= current.study_date,
            )
            .order_by(Study.study_date.desc(), Study.study_time.desc(), Study.id.desc())
        ).all()
    for other in others:
        if current.is_after(other.study_date, other.study_time) and (
            _birth_date(archive, other.id) == current.birth_date
        ):
            yield other.id, other.study_uid


def _birth_date(archive: Archive, study_key: int) -> str:
    """Return the birth date that the study itself has; the archive keeps that with which the patient came first."""
    with reading(archive.engine) as connection:
        names = (
            connection.execute(
                select(Instance.file)
                .join(Series, Series.id == Instance.series_key)
                .where(Series.study_key == study_key, Instance.version == 1, Instance.source != OWN_SOURCE)
                .order_by(Instance.id)
                .limit(_LOOKED_AT)
            )
            .scalars()
            .all()
        )
    return text(stored_header(archive, names), "PatientBirthDate") if names else ""


def _result(archive: Archive, study_key: int, reader: str) -> Path | None:
    """Return the newest result folder of a study that is still there."""
    with reading(archive.engine) as connection:
        folders = (
            connection.execute(
                select(Result.folder)
                .join(Job, Job.id == Result.job_key)
                .where(Job.study_key == study_key, Job.reader == reader)
                .order_by(Job.revision.desc(), Result.id.desc())
            )
            .scalars()
            .all()
        )
    return next((at for each in folders if ((at := archive.folder / each) / RESULT_JSON).is_file()), None)


def _was_fetched(archive: Archive, study_key: int) -> bool:
    with reading(archive.engine) as connection:
        return was_fetched(sources_of(connection, study_key))


def _has_ended(archive: Archive, study_key: int, reader: str) -> bool:
    ended = select(Job.id).where(Job.study_key == study_key, Job.reader == reader, Job.state.in_(_ENDED))
    with reading(archive.engine) as connection:
        return connection.execute(ended.limit(1)).first() is not None
