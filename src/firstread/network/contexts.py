"""What is negotiated: SOP classes and transfer syntaxes, as listener and as caller."""

from collections.abc import Iterable, Iterator

from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from firstread.network.sending import UNCOMPRESSED, Outgoing

MOST_CONTEXTS = 128  # PS3.8 section 9.3.2.2: odd numbers of one byte
FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove

# Of storage every SOP class is taken, in the transfer syntax that the sender names first (entity.py).
SERVED: tuple[str, ...] = (
    Verification,
    StorageCommitmentPushModel,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelMove,
    PatientRootQueryRetrieveInformationModelGet,
    FIND,
    MOVE,
    GET,
)
# None of them deflated: a few kilobytes could ask for gigabytes.
SPOKEN: tuple[str, ...] = UNCOMPRESSED[:3]
_STUDY_ROOT = frozenset(map(str, (FIND, GET, MOVE)))


def is_study_root(sop_class_uid: str) -> bool:
    """Tell whether a query is one of the Study Root information model; else it is of Patient Root."""
    return sop_class_uid in _STUDY_ROOT


def storage_contexts(files: Iterable[Outgoing]) -> list[PresentationContext]:
    """Return contexts in which these files can be sent, each transfer syntax in one of its own.

    For uncompressed ones the other uncompressed syntaxes are offered too. The result can be longer than an
    association takes.
    """
    stored = sorted({(each.sop_class_uid, each.transfer_syntax_uid) for each in files})
    offered = [build_context(sop_class, syntax) for sop_class, syntax in stored]
    for sop_class in sorted({sop_class for sop_class, syntax in stored if syntax in UNCOMPRESSED}):
        offered.append(build_context(sop_class, list(UNCOMPRESSED[:2])))
    return offered


def in_associations(files: list[Outgoing]) -> Iterator[list[Outgoing]]:
    """Yield the files in parts whose contexts one association takes."""
    part: list[Outgoing] = []
    kinds: set[tuple[str, str]] = set()
    for each in sorted(files, key=lambda file: (file.sop_class_uid, file.transfer_syntax_uid)):
        kind = (each.sop_class_uid, each.transfer_syntax_uid)
        if kind not in kinds and len(kinds) >= MOST_CONTEXTS // 2:
            yield part
            part, kinds = [], set()
        kinds.add(kind)
        part.append(each)
    if part:
        yield part
