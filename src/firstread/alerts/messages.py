"""What a channel is given to tell: an alert, its study, and the person."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from firstread.alerts.models import Alert, AlertNotification, Level
from firstread.archive.models import Patient, Study


@dataclass(frozen=True)
class Message:
    """One notification. What identifies the patient is left to each channel to tell or not.

    Attributes:
        key: Identity of the notification, 32 hexadecimal digits, the same at every try.
        link: Address of the alert's page; "" without public_url.
        escalation: The place in the chain, 0 for the first step.
        overdue: Whether the time of its level has run out.
    """

    key: str
    notification: int
    alert: int
    revision: int
    level: Level
    title: str
    text: str
    because: str
    stands: bool
    confirmed: bool
    escalation: int
    raised_at: datetime
    deadline_at: datetime
    recipient: str
    address: str
    link: str
    study_uid: str
    reader: str
    patient_name: str = field(repr=False)
    patient_id: str = field(repr=False)
    birth_date: str = field(repr=False)
    sex: str = field(repr=False)
    accession_number: str = field(repr=False)
    referring_physician: str = field(repr=False)
    study_date: str = field(repr=False)
    description: str = field(repr=False)


def message_of(connection: Connection, notification: int, *, public_url: str) -> Message | None:
    """Return what a notification tells now; None where it is gone."""
    row: Any = connection.execute(
        select(
            AlertNotification.key,
            AlertNotification.step.label("of_step"),
            AlertNotification.recipient,
            AlertNotification.name,
            AlertNotification.address,
            Alert.__table__,
            Patient.name.label("patient_name"),
            Patient.patient_id,
            Patient.birth_date,
            Patient.sex,
            Study.accession_number,
            Study.referring_physician,
            Study.study_date,
            Study.description,
        )
        .join(Alert, Alert.id == AlertNotification.alert_key)
        .outerjoin(Study, Study.id == Alert.study_key)
        .outerjoin(Patient, Patient.id == Study.patient_key)
        .where(AlertNotification.id == notification)
    ).one_or_none()
    if row is None:
        return None
    return Message(
        key=row.key,
        notification=notification,
        alert=row.id,
        revision=row.revision,
        level=row.level,
        title=row.title,
        text=row.text,
        because=row.because,
        stands=row.stands,
        confirmed=row.confirmed_at is not None,
        escalation=row.of_step,
        raised_at=row.raised_at,
        deadline_at=row.deadline_at,
        recipient=row.name,
        address=row.address,
        link=f"{public_url}/alerts/{row.id}" if public_url else "",
        study_uid=row.study_uid,
        reader=row.reader,
        **{name: getattr(row, name) or "" for name in _OF_STUDY},
    )


_OF_STUDY = (
    "patient_name",
    "patient_id",
    "birth_date",
    "sex",
    "accession_number",
    "referring_physician",
    "study_date",
    "description",
)
