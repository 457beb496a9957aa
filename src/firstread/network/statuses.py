"""Status codes of C-STORE, PS3.4 table B.2-1."""

from firstread.archive import MismatchedInstance
from firstread.errors import ArchiveUnavailable, RefusedInput

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH_SOP_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000


def store_status(error: Exception) -> int:
    """Return how a sender is told of a failure: a full disk or an absent database as out of resources, to try again."""
    if isinstance(error, ArchiveUnavailable):
        return OUT_OF_RESOURCES
    if isinstance(error, MismatchedInstance):
        return DOES_NOT_MATCH_SOP_CLASS
    if isinstance(error, RefusedInput):
        return CANNOT_UNDERSTAND
    # A fault of ours: the sender's instance may be good, so it is asked to keep it and try again.
    return OUT_OF_RESOURCES
