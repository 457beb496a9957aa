"""What can be done: the words in which rights are written."""

from enum import StrEnum


class Action(StrEnum):
    """Something that an actor may or may not do; the value is what policies, tokens and the audit trail say."""

    READ_STUDY = "study.read"
    STORE_STUDY = "study.store"
    DELETE_STUDY = "study.delete"
    READ_PRELIMINARY = "report.read_preliminary"
