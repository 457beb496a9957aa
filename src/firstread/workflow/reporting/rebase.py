"""A report of one result becomes that of the next, when the study was read again."""

from firstread.findings import ReadResult
from firstread.workflow.reporting.content import Content
from firstread.workflow.reporting.drafting import with_draft


def rebased(content: Content, now: ReadResult, *, digest: str) -> Content:
    """Return the content for another result of the same study.

    What was decided of a lesion holds where the other result has it too, by its tracking UID; of what is new nobody
    has decided. Sections that a person edited stay.

    Args:
        content: Of the report so far.
        now: The other result.
        digest: sha256 (hex) of the `result.json` of the other one.
    """
    lesions = {finding.tracking_uid: finding.id for finding in now.findings}
    decisions = {
        lesions[one.tracking_uid]: one for one in content.decisions.values() if one.tracking_uid in lesions
    }
    moved = content.model_copy(update={"decisions": decisions, "result_digest": digest})
    return with_draft(now, moved)
