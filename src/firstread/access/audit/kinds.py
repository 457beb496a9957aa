"""What kind of event it is when an action is done."""

from firstread.access.action import Action
from firstread.access.audit.event import Does, EventCode

_KINDS: dict[Action, tuple[EventCode, Does]] = {
    Action.STORE_STUDY: (EventCode.INSTANCES_TRANSFERRED, "C"),
    Action.DELETE_STUDY: (EventCode.STUDY_DELETED, "D"),
    Action.EXPORT_STUDY: (EventCode.EXPORT, "R"),
    Action.DEIDENTIFY: (EventCode.EXPORT, "E"),
    Action.READ_CROSSWALK: (EventCode.PATIENT_RECORD, "R"),
    Action.READ_PRELIMINARY: (EventCode.PROCEDURE_RECORD, "R"),
    Action.READ_REPORT: (EventCode.PROCEDURE_RECORD, "R"),
    Action.EDIT_REPORT: (EventCode.PROCEDURE_RECORD, "U"),
    Action.SIGN_REPORT: (EventCode.PROCEDURE_RECORD, "U"),
    Action.READ_ALERT: (EventCode.PROCEDURE_RECORD, "R"),
    Action.ACKNOWLEDGE_ALERT: (EventCode.PROCEDURE_RECORD, "U"),
    Action.MANAGE_ALERTS: (EventCode.SOFTWARE_CONFIGURATION, "U"),
    Action.READ_JOB: (EventCode.PROCEDURE_RECORD, "R"),
    Action.MANAGE_JOBS: (EventCode.PROCEDURE_RECORD, "U"),
    Action.MANAGE_ROUTES: (EventCode.SOFTWARE_CONFIGURATION, "U"),
    Action.MANAGE_DESTINATIONS: (EventCode.NETWORK_CONFIGURATION, "U"),
    Action.MANAGE_MODELS: (EventCode.SOFTWARE_CONFIGURATION, "U"),
    Action.READ_DATA_SET: (EventCode.INSTANCES_ACCESSED, "R"),
    Action.MANAGE_ACCOUNTS: (EventCode.USER_SECURITY_CHANGED, "U"),
    Action.MANAGE_RIGHTS: (EventCode.SECURITY_ROLES_CHANGED, "U"),
    Action.READ_AUDIT: (EventCode.AUDIT_LOG_USED, "R"),
    Action.OPERATE: (EventCode.SOFTWARE_CONFIGURATION, "E"),
    Action.BREAK_GLASS: (EventCode.EMERGENCY_OVERRIDE_STARTED, "E"),
}


def kind_of(action: Action, *, one_study: bool = False, only_read: bool = False) -> tuple[EventCode, Does]:
    """Return what an event of this action is, and what is done.

    Args:
        action: What is done.
        one_study: A study is named; else studies are looked for.
        only_read: Nothing is changed.
    """
    if action == Action.READ_STUDY or action not in _KINDS:
        return (EventCode.INSTANCES_ACCESSED, "R") if one_study else (EventCode.QUERY, "E")
    code, does = _KINDS[action]
    return code, "R" if only_read and does != "E" else does
