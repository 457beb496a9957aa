"""What is recorded: somebody did something, to whom it was done, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from firstread.access.actor import Actor

Does = Literal["C", "R", "U", "D", "E"]
"""Create, read, update, delete, execute (PS3.15 A.5.1, EventActionCode)."""

Outcome = Literal[0, 4, 8, 12]
"""Success, minor failure, serious failure, major failure (PS3.15 A.5.1, EventOutcomeIndicator)."""

MEANINGS = {
    "110100": "Application Activity",
    "110101": "Audit Log Used",
    "110102": "Begin Transferring DICOM Instances",
    "110103": "DICOM Instances Accessed",
    "110104": "DICOM Instances Transferred",
    "110105": "DICOM Study Deleted",
    "110106": "Export",
    "110107": "Import",
    "110108": "Network Entry",
    "110110": "Patient Record",
    "110111": "Procedure Record",
    "110112": "Query",
    "110113": "Security Alert",
    "110114": "User Authentication",
    "110120": "Application Start",
    "110121": "Application Stop",
    "110122": "Login",
    "110123": "Logout",
    "110126": "Node Authentication",
    "110127": "Emergency Override Started",
    "110128": "Network Configuration",
    "110129": "Security Configuration",
    "110131": "Software Configuration",
    "110132": "Use of Restricted Function",
    "110133": "Audit Recording Stopped",
    "110134": "Audit Recording Started",
    "110135": "Object Security Attributes Changed",
    "110136": "Security Roles Changed",
    "110137": "User Security Attributes Changed",
    "110138": "Emergency Override Stopped",
}
"""Code meanings of PS3.16 CID 400 and CID 401, coding scheme DCM."""


class EventCode(Enum):
    """Kind of an event: EventID of PS3.15 A.5.3, and EventTypeCode of it, "" where it has none."""

    APPLICATION_START = ("110100", "110120")
    APPLICATION_STOP = ("110100", "110121")
    AUDIT_LOG_USED = ("110101", "")
    BEGIN_TRANSFERRING = ("110102", "")
    INSTANCES_ACCESSED = ("110103", "")
    INSTANCES_TRANSFERRED = ("110104", "")
    STUDY_DELETED = ("110105", "")
    EXPORT = ("110106", "")
    IMPORT = ("110107", "")
    PATIENT_RECORD = ("110110", "")
    PROCEDURE_RECORD = ("110111", "")
    QUERY = ("110112", "")
    LOGIN = ("110114", "110122")
    LOGOUT = ("110114", "110123")
    NODE_AUTHENTICATION = ("110113", "110126")
    EMERGENCY_OVERRIDE_STARTED = ("110113", "110127")
    EMERGENCY_OVERRIDE_STOPPED = ("110113", "110138")
    NETWORK_CONFIGURATION = ("110113", "110128")
    SECURITY_CONFIGURATION = ("110113", "110129")
    SOFTWARE_CONFIGURATION = ("110113", "110131")
    RESTRICTED_FUNCTION = ("110113", "110132")
    RECORDING_STOPPED = ("110113", "110133")
    RECORDING_STARTED = ("110113", "110134")
    OBJECT_SECURITY_CHANGED = ("110113", "110135")
    SECURITY_ROLES_CHANGED = ("110113", "110136")
    USER_SECURITY_CHANGED = ("110113", "110137")

    @property
    def id(self) -> str:
        """EventID, a code of CID 400."""
        return self.value[0]

    @property
    def subtype(self) -> str:
        """EventTypeCode, a code of CID 401, or ""."""
        return self.value[1]

    @property
    def meaning(self) -> str:
        """What it is called, in the words of DICOM: the subtype's where there is one."""
        return MEANINGS[self.subtype or self.id]


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Args:
        code: Kind.
        does: What was done: C, R, U, D or E.
        outcome: 0 success; 4, 8, 12 failure: minor, serious, major.
        actor: Who did it.
        patients: Patient IDs whose data it was about.
        studies: Study Instance UIDs whose data it was about.
        detail: What else an auditor wants to know, by name: a query's keys, a destination, a rule. No secrets.
    """

    code: EventCode
    does: Does
    outcome: Outcome
    actor: Actor
    patients: Sequence[str] = ()
    studies: Sequence[str] = ()
    detail: Mapping[str, str] = field(default_factory=dict)
