"""What can be done: the words in which rights are written."""

from enum import StrEnum


class Action(StrEnum):
    """Something that an actor may or may not do; the value is what policies, tokens and the audit trail say."""

    READ_STUDY = "study.read"
    STORE_STUDY = "study.store"
    DELETE_STUDY = "study.delete"
    READ_PRELIMINARY = "report.read_preliminary"
    READ_REPORT = "report.read"
    EDIT_REPORT = "report.edit"
    SIGN_REPORT = "report.sign"
    READ_ALERT = "alert.read"
    READ_JOB = "job.read"
    MANAGE_JOBS = "job.manage"
    MANAGE_ACCOUNTS = "account.manage"
    MANAGE_RIGHTS = "rights.manage"
    READ_AUDIT = "audit.read"
    OPERATE = "service.operate"
