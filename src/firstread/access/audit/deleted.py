"""Studies that are removed: recorded in the transaction that removes them."""

from sqlalchemy import Connection

from firstread.access.actor import Actor
from firstread.access.audit.event import Event, EventCode
from firstread.access.audit.record import record
from firstread.archive.retention import Told


def deletion_by(actor: Actor, **detail: str) -> Told:
    """Return what records a removal by an actor."""

    def told(connection: Connection, patient_id: str, study_uid: str, instances: int) -> None:
        patients = [patient_id] if patient_id else []
        said = {"instances": str(instances), **detail}
        record(connection, Event(EventCode.STUDY_DELETED, "D", 0, actor, patients, [study_uid], said))

    return told
