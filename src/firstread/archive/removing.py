"""Removing what a person asks to be removed: a study, a series, an instance."""

from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, not_, select, update

from firstread.archive.archive import Archive
from firstread.archive.database import writing
from firstread.archive.matching import Condition
from firstread.archive.models import Instance, Patient, Removal, Series, Study
from firstread.archive.results import remove_results
from firstread.archive.retention import Removed, Told
from firstread.errors import RefusedInput

RULE = "asked for"


def remove(
    archive: Archive,
    study_uid: str,
    series_uid: str | None = None,
    sop_instance_uid: str | None = None,
    *,
    within: Condition | None = None,
    told: Told | None = None,
) -> Removed | None:
    """Remove a study, one of its series, or one instance with all its versions; None where it is not there.

    The rows go first, in one transaction, and the files after, as in `retain`. A series or study that is left
    without an instance goes too, and the patient with the last study. A study that does not fulfil `within`, a
    condition on `Study`, counts as one that is not there. `told` is called in the transaction.

    Raises:
        RefusedInput: the study is held; whoever holds it must let go first.
        ArchiveUnavailable: the database does not answer; nothing was removed.
    """
    with writing(archive.engine) as connection:
        study = connection.execute(
            select(Study.id, Study.patient_key, Study.held, Patient.patient_id)
            .join(Patient, Patient.id == Study.patient_key)
            .where(Study.study_uid == study_uid, *([] if within is None else [within]))
            .with_for_update(of=Study)
        ).one_or_none()  # fmt: skip
        if study is None:
            return None
        chosen: list[Any] = [Series.study_key == study.id]
        if series_uid is not None:
            chosen.append(Series.series_uid == series_uid)
        if sop_instance_uid is not None:
            chosen.append(Instance.sop_instance_uid == sop_instance_uid)
        gone = connection.execute(
            select(Instance.id, Instance.file, Instance.size).join(Series, Series.id == Instance.series_key)
            .where(*chosen)
        ).all()  # fmt: skip
        if not gone:
            return None
        if study.held:
            raise RefusedInput("The study is held.", remedy="Let go of it first.")
        size = sum(row.size for row in gone)
        keys = [row.id for row in gone]
        for at in range(0, len(keys), 500):
            connection.execute(delete(Instance).where(Instance.id.in_(keys[at : at + 500])))
        emptied = _tidy(connection, study.id, study.patient_key)
        connection.execute(
            insert(Removal).values(study_uid=study_uid, rule=RULE, instances=len(gone), size=size)
        )
        if told is not None:
            told(connection, study.patient_id, study_uid, len(gone))
    for row in gone:
        archive.files.remove(row.file)
    if emptied:
        remove_results(archive.folder, study_uid)
    return Removed(int(emptied), len(gone), size)


def _tidy(connection: Connection, study: int, patient: int) -> bool:
    """Bring the numbers up to date and remove what has no instance any more; True if that is the study."""
    held = select(Instance.id).where(Instance.series_key == Series.id)
    connection.execute(delete(Series).where(Series.study_key == study, not_(exists(held.correlate(Series)))))
    if not connection.execute(select(func.count(Series.id)).where(Series.study_key == study)).scalar_one():
        connection.execute(delete(Study).where(Study.id == study))
        others = select(Study.id).where(Study.patient_key == patient)
        connection.execute(delete(Patient).where(Patient.id == patient, not_(exists(others))))
        return True
    counted = select(func.count(Instance.id)).where(Instance.series_key == Series.id, Instance.version == 1)
    connection.execute(
        update(Series).where(Series.study_key == study)
        .values(number_of_instances=counted.correlate(Series).scalar_subquery())
    )  # fmt: skip
    of_study = Series.study_key == study
    series = select(func.count(Series.id)).where(of_study, Series.number_of_instances > 0)
    instances = select(func.coalesce(func.sum(Series.number_of_instances), 0)).where(of_study)
    conflicts = (
        select(func.count(Instance.id)).join(Series, Series.id == Instance.series_key)
        .where(of_study, Instance.version > 1)
    )  # fmt: skip
    connection.execute(
        update(Study)
        .where(Study.id == study)
        .values(
            number_of_series=series.scalar_subquery(),
            number_of_instances=instances.scalar_subquery(),
            conflicts=conflicts.scalar_subquery(),
        )
    )
    return False
