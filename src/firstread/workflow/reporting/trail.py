"""What the audit trail says of reports: that they were read, changed, signed; never what they say."""

from sqlalchemy import Connection, select

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.access.audit.event import Does
from firstread.archive.models import Patient, Study


def told(
    connection: Connection, actor: Actor, does: Does, study_key: int, study_uid: str, **detail: str
) -> None:
    """Record what somebody did with the report of a study, in the caller's transaction."""
    patient = connection.execute(
        select(Patient.patient_id).join(Study, Study.patient_key == Patient.id).where(Study.id == study_key)
    ).scalar_one_or_none()
    record(
        connection,
        Event(
            EventCode.PATIENT_RECORD,
            does,
            0,
            actor,
            patients=(patient,) if patient else (),
            studies=(study_uid,),
            detail={"what": "report", **detail},
        ),
    )
