"""The findings that stand: the AI's but for the rejected ones, as edited, and those that people added."""

from firstread.findings import Finding, ReadResult
from firstread.reports.review import Review, Standing
from firstread.workflow.reporting.content import Content


def standing(result: ReadResult, content: Content) -> ReadResult:
    """Return the result with the findings that stand, categorised by what they say now.

    Where nothing was edited, rejected or added it is the AI's result itself. The findings keep their order; those of
    people come last.
    """
    if not _differs(content):
        return result
    # Here and not above: with the readers comes the engine, which takes a second to load.
    from firstread.readers.lung_nodule.reviewed import categorised_anew, is_of_its_schemes

    kept = [_as_decided(one, content) for one in result.findings if content.verdict_of(one.id) != "rejected"]
    kept += [added.finding for added in content.added]
    # A reader of other categories words its own; of what was changed nobody knows them.
    if not is_of_its_schemes(result):
        changed = {name for name, one in content.decisions.items() if one.verdict == "edited"}
        plain = [
            one.model_copy(update={"category": None, "categories": ()}) if one.id in changed else one
            for one in kept
        ]
        update = {"findings": tuple(plain), "category": None, "categories": (), "impression": ""}
        return result.model_copy(update=update)
    return categorised_anew(result.model_copy(update={"impression": ""}), kept)


def review_of(result: ReadResult, content: Content) -> Review:
    """Return how each finding that stands came to stand."""
    said: dict[str, Standing] = {}
    for finding in result.findings:
        verdict = content.verdict_of(finding.id)
        if verdict != "rejected":
            said[finding.id] = verdict
    return said | {added.finding.id: "added" for added in content.added}


def rejected(result: ReadResult, content: Content) -> tuple[Finding, ...]:
    """Return the AI's findings that a person rejected."""
    return tuple(one for one in result.findings if content.verdict_of(one.id) == "rejected")


def _differs(content: Content) -> bool:
    return bool(content.added) or any(
        one.verdict in ("edited", "rejected") for one in content.decisions.values()
    )


def _as_decided(finding: Finding, content: Content) -> Finding:
    decision = content.decisions.get(finding.id)
    if decision is None or decision.verdict != "edited" or decision.edits is None:
        return finding
    from firstread.readers.lung_nodule.reviewed import changed

    given = {name: getattr(decision.edits, name) for name in type(decision.edits).model_fields}
    return changed(finding, **given)
