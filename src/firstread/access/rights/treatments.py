"""Who treats whom: a clinician sees the studies of the patients whom they treat."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from firstread.access.rights.holdings import known_key
from firstread.access.rights.models import Treatment
from firstread.archive.models import Patient
from firstread.errors import UsageError


@dataclass(frozen=True)
class Treats:
    """An actor treats a patient, until a moment where there is one."""

    actor: str
    patient_id: str
    until: datetime | None


def begin_treatment(connection: Connection, actor: str, patient: str, until: datetime | None = None) -> None:
    r"""Let an actor see the studies of a patient, those that come later included.

    Args:
        connection: In a transaction that writes.
        actor: As `actor_key` takes it.
        patient: Patient ID, or ISSUER\ID.
        until: When it ends by itself.

    Raises:
        UsageError: the archive has no such patient.
    """
    key, row = known_key(connection, actor), _patient(connection, patient)
    connection.execute(delete(Treatment).where(Treatment.actor == key, Treatment.patient_key == row))
    connection.execute(insert(Treatment).values(actor=key, patient_key=row, until=until))


def end_treatment(connection: Connection, actor: str, patient: str) -> None:
    """Let an actor see the studies of a patient no more.

    Raises:
        UsageError: the actor does not treat the patient.
    """
    same = (
        Treatment.actor == known_key(connection, actor),
        Treatment.patient_key == _patient(connection, patient),
    )
    if connection.execute(delete(Treatment).where(*same)).rowcount == 0:
        raise UsageError("The actor does not treat this patient.")


def treatments(connection: Connection, actor: str | None = None) -> list[Treats]:
    """Return who treats whom."""
    statement = (
        select(Treatment.actor, Patient.patient_id, Treatment.until)
        .join(Patient, Patient.id == Treatment.patient_key)
        .order_by(Treatment.actor, Treatment.id)
    )
    if actor is not None:
        statement = statement.where(Treatment.actor == known_key(connection, actor))
    return [Treats(*row) for row in connection.execute(statement)]


def _patient(connection: Connection, patient: str) -> int:
    key = patient if "\\" in patient else f"\\{patient}"
    found = connection.execute(select(Patient.id).where(Patient.key == key)).scalar_one_or_none()
    if found is None:
        raise UsageError("The archive has no such patient.", remedy="Give the Patient ID as images have it.")
    return found
