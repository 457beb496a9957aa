"""Status codes of DIMSE services, PS3.4 and PS3.7 annex C, and which of them a failure is."""

from firstread.access.gate import Denied
from firstread.archive import MismatchedInstance
from firstread.errors import ArchiveUnavailable, RefusedInput, UsageError

SUCCESS = 0x0000
PENDING = 0xFF00
PENDING_WITHOUT_SOME_KEYS = 0xFF01
CANCELLED = 0xFE00

OUT_OF_RESOURCES = 0xA700
CANNOT_COUNT_MATCHES = 0xA701
DESTINATION_UNKNOWN = 0xA801
DOES_NOT_MATCH_SOP_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000
UNABLE_TO_PROCESS = 0xC001

# Of N-ACTION, and reasons of storage commitment (PS3.3 section C.14).
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
INVALID_ARGUMENT = 0x0115
CLASS_INSTANCE_CONFLICT = 0x0119
NO_SUCH_ACTION = 0x0123

NOT_AUTHORISED = 0x0124  # PS3.7 section C.5.16; of any service


def store_status(error: Exception) -> int:
    """Return how a sender is told of a failure: a full disk or an absent database as out of resources, to try again."""
    if isinstance(error, ArchiveUnavailable):
        return OUT_OF_RESOURCES
    if isinstance(error, Denied):
        return NOT_AUTHORISED
    if isinstance(error, MismatchedInstance):
        return DOES_NOT_MATCH_SOP_CLASS
    if isinstance(error, RefusedInput):
        return CANNOT_UNDERSTAND
    # A fault of ours: the sender's instance may be good, so it is asked to keep it and try again.
    return OUT_OF_RESOURCES


def query_status(error: Exception) -> int:
    """Return how who asks is told of a failure of C-FIND, C-MOVE or C-GET."""
    if isinstance(error, ArchiveUnavailable):
        return OUT_OF_RESOURCES
    if isinstance(error, Denied):
        return NOT_AUTHORISED
    if isinstance(error, UsageError):
        return DOES_NOT_MATCH_SOP_CLASS
    return UNABLE_TO_PROCESS


def may_pass(status: int) -> bool:
    """Tell whether a C-STORE that was answered so may succeed later (PS3.4 table B.2-1: A7xx, out of resources)."""
    return status & 0xFF00 == OUT_OF_RESOURCES
