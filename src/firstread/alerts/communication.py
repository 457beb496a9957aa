"""The record of a communication: who told whom, what, when and how, as FHIR R4 and as a report's sentence.

Sources: FHIR R4 Communication and Task; LOINC 73568-8; PS3.20 section 9.8.10, Communication of Actionable Findings (by
whom, to whom, when, method: discussed directly, telephone, message). R4B has both resources as R4 has them.
"""

from datetime import datetime
from typing import Any

from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.task import Task

from firstread.alerts.messages import Message
from firstread.alerts.models import Level
from firstread.alerts.queries import AlertRecord
from firstread.findings import NOTICE

Json = dict[str, Any]

ALERT_SYSTEM = "urn:x-firstread:alert"
NOTIFICATION_SYSTEM = "urn:x-firstread:alert-notification"
TASK_SUFFIX = "-task"
TOPIC = {
    "coding": [
        {"system": "http://loinc.org", "code": "73568-8", "display": "Communication of Critical Results"}
    ]
}
CATEGORY = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/communication-category",
            "code": "alert",
            "display": "Alert",
        }
    ]
}
PRIORITY: dict[Level, str] = {"minutes": "stat", "hours": "urgent", "days": "asap"}
METHODS = {
    "direct": "discussed directly",
    "telephone": "by telephone",
    "message": "by message",
    "web": "in firstread",
}
_MODES = {"direct": "FACE", "telephone": "PHONE", "message": "WRITTEN", "web": "ELECTRONIC"}
_MODE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"


def communication(message: Message) -> Communication:
    """Return what a FHIR server is told of an alert: a communication that is under way."""
    return Communication.model_validate(
        {
            "resourceType": "Communication",
            "identifier": [{"system": NOTIFICATION_SYSTEM, "value": message.key}],
            "status": "in-progress",
            "category": [CATEGORY],
            "priority": PRIORITY[message.level],
            "topic": TOPIC,
            "subject": _subject(message.patient_id),
            "about": [_study(message.study_uid)],
            "sent": message.raised_at.isoformat(timespec="seconds"),
            "sender": {"display": f"firstread, reader {message.reader}"},
            "recipient": [{"display": message.recipient}],
            "payload": [
                {"contentString": f"{message.title}: {message.text}"},
                {"contentString": f"{NOTICE}. Rule: {message.because}"},
            ],
        }
    )


def task(message: Message) -> Task:
    """Return what is asked of the recipient: to acknowledge, in the time of the level."""
    return Task.model_validate(
        {
            "resourceType": "Task",
            "identifier": [{"system": NOTIFICATION_SYSTEM, "value": f"{message.key}{TASK_SUFFIX}"}],
            "groupIdentifier": {"system": ALERT_SYSTEM, "value": str(message.alert)},
            "status": "requested",
            "intent": "order",
            "priority": PRIORITY[message.level],
            "code": {"text": "Acknowledge the critical result"},
            "description": f"{message.title}. {NOTICE}.",
            "focus": _study(message.study_uid),
            "for": _subject(message.patient_id),
            "authoredOn": message.raised_at.isoformat(timespec="seconds"),
            "restriction": {"period": {"end": message.deadline_at.isoformat(timespec="seconds")}},
            **({"note": [{"text": message.link}]} if message.link else {}),
        }
    )


def recorded(record: AlertRecord) -> Communication:
    """Return the record of an alert: whom it was told how it was acknowledged, or why not."""
    alert = record.alert
    status = {"acknowledged": "completed", "closed": "completed", "cancelled": "stopped"}
    told = [each for each in record.notifications if each["sent_at"] is not None]
    taken = [each for each in record.acknowledgements if each["ended"]]
    last = taken[-1] if taken else None
    cancelled = next((each for each in reversed(record.events) if each["kind"] == "cancelled"), None)
    names = dict.fromkeys([*(each["name"] for each in told), *([last["recipient"]] if last else [])])
    said: Json = {
        "resourceType": "Communication",
        "identifier": [{"system": ALERT_SYSTEM, "value": str(alert.id)}],
        "status": status.get(alert.state, "in-progress"),
        "category": [CATEGORY],
        "priority": PRIORITY[alert.level],
        "topic": TOPIC,
        "subject": _subject(alert.patient_id),
        "about": [_study(alert.study_uid)],
        "sent": alert.raised_at.isoformat(timespec="seconds"),
        "sender": {"display": "firstread"},
        "payload": [{"contentString": f"{alert.title}: {alert.text}"}, {"contentString": f"{NOTICE}."}],
        "note": [{"time": _iso(each["at"]), "text": _sentence(each)} for each in record.acknowledgements],
    }
    if not said["note"]:
        del said["note"]
    if names:
        said["recipient"] = [{"display": name} for name in names]
    if last is not None:
        said["received"] = _iso(last["at"])
        said["sender"] = {"display": last["recorded_by"] or "firstread"}
        said["medium"] = [{"coding": [{"system": _MODE_SYSTEM, "code": _MODES[last["how"]]}]}]
    if cancelled is not None and alert.state == "cancelled":
        said["statusReason"] = {"text": cancelled["detail"].get("reason", "")}
    return Communication.model_validate(said)


def sentence(record: AlertRecord) -> str:
    """Return the alert's communication as a report's section has it (PS3.20 section 9.8.10)."""
    alert = record.alert
    lines = [f"{alert.title} ({alert.text}): alert raised {_time(alert.raised_at)}."]
    lines += [_sentence(each) for each in record.acknowledgements]
    if not record.acknowledgements:
        lines.append("Not acknowledged." if alert.state != "cancelled" else "Cancelled by a radiologist.")
    return " ".join(lines)


def _sentence(taken: Json) -> str:
    by, to = taken["recorded_by"], taken["recipient"]
    said = (
        f"Acknowledged by {to} {METHODS[taken['how']]}, {_time(taken['at'])}"
        if by == to
        else f"Communicated by {by} to {to} {METHODS[taken['how']]}, {_time(taken['at'])}"
    )
    return f"{said}; read back: “{taken['read_back']}”." if taken["read_back"] else f"{said}."


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _subject(patient_id: str) -> Json:
    return {"identifier": {"value": patient_id}} if patient_id else {"display": "Patient not named"}


def _study(study_uid: str) -> Json:
    return {
        "type": "ImagingStudy",
        "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"},
    }
