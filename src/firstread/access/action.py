"""What can be done: the words in which rights are written."""

from enum import StrEnum


class Action(StrEnum):
    """Something that an actor may or may not do; the value is what policies, tokens and the audit trail say."""

    READ_STUDY = "study.read"
    STORE_STUDY = "study.store"
    DELETE_STUDY = "study.delete"
    EXPORT_STUDY = "study.export"
    DEIDENTIFY = "deidentify.run"
    READ_CROSSWALK = "crosswalk.read"
    READ_PRELIMINARY = "report.read_preliminary"
    READ_REPORT = "report.read"
    EDIT_REPORT = "report.edit"
    SIGN_REPORT = "report.sign"
    READ_ALERT = "alert.read"
    ACKNOWLEDGE_ALERT = "alert.acknowledge"
    MANAGE_ALERTS = "alert.manage"
    READ_JOB = "job.read"
    MANAGE_JOBS = "job.manage"
    MANAGE_ROUTES = "route.manage"
    MANAGE_DESTINATIONS = "destination.manage"
    READ_MODELS = "model.read"
    MANAGE_MODELS = "model.manage"
    READ_DATA_SET = "dataset.read"
    MANAGE_ACCOUNTS = "account.manage"
    MANAGE_RIGHTS = "rights.manage"
    READ_AUDIT = "audit.read"
    OPERATE = "service.operate"
    BREAK_GLASS = "access.break_glass"
