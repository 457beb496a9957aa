"""Whose data a study is: for events of which only the study is known."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from firstread.archive.models import Patient, Study

_PORTION = 500


def patients_of(connection: Connection, studies: Iterable[str]) -> list[str]:
    """Return the Patient IDs of studies, each once; those without one, and studies that are not here, give none."""
    listed = list(studies)
    found: set[str] = set()
    for at in range(0, len(listed), _PORTION):
        statement = (
            select(Patient.patient_id)
            .join(Study, Study.patient_key == Patient.id)
            .where(Study.study_uid.in_(listed[at : at + _PORTION]))
        )
        found |= set(connection.execute(statement).scalars())
    return sorted(found - {""})
