"""What a person changes in a report at once: sections, decisions about findings, language."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from firstread.access import Actor
from firstread.archive.columns import now
from firstread.errors import UsageError
from firstread.findings import Finding
from firstread.reports import Lang
from firstread.workflow.reporting.content import (
    LONGEST_REASON,
    LONGEST_SECTION,
    Added,
    Content,
    Decision,
    Edits,
    How,
    Section,
    SectionName,
    Verdict,
    Words,
)
from firstread.workflow.reporting.drafting import with_draft
from firstread.workflow.reporting.report import NotNow, Opened

MOST_ADDED = 50


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SectionChange(_Value):
    """A section's new text; or `take_draft`: it is drafted again, and what a person wrote goes."""

    text: Words | None = Field(default=None, max_length=LONGEST_SECTION)
    take_draft: bool = False


class FindingChange(_Value):
    """A decision about a finding. Of one that a person added, `rejected` takes it away."""

    decision: Verdict
    reason: Words = Field(default="", max_length=LONGEST_REASON)
    edited: Edits | None = None


class Change(_Value):
    """What is to be changed; what is not named stays."""

    sections: Mapping[SectionName, SectionChange] = {}
    findings: Mapping[str, FindingChange] = {}
    lang: Lang | None = None


def changed(opened: Opened, change: Change, actor: Actor) -> Content:
    """Return the content with a change made; sections that nobody edited are drafted anew.

    Raises:
        NotNow: the report is signed, and is not being amended.
        UsageError: there is no such finding, a rejection has no reason, or an edit changes nothing.
    """
    _must_be_open(opened)
    content = opened.content
    if change.lang is not None:
        content = content.model_copy(update={"lang": change.lang})
    for name, one in change.findings.items():
        content = _decided(opened, content, name, one, actor)
    sections = dict(content.sections)
    for section, new in change.sections.items():
        if new.take_draft:
            sections[section] = Section()
        elif new.text is not None and new.text != sections[section].text:
            sections[section] = Section(text=new.text, edited=True)
    return with_draft(opened.result, content.model_copy(update={"sections": sections}))


def with_added(opened: Opened, finding: Finding, how: How, actor: Actor) -> Content:
    """Return the content with a finding that a person added; it gets an id of its own.

    Raises:
        NotNow: the report is signed, and is not being amended.
        UsageError: there are too many.
    """
    _must_be_open(opened)
    content = opened.content
    if len(content.added) >= MOST_ADDED:
        raise UsageError(
            f"A report has at most {MOST_ADDED} added findings.", remedy="Describe them in words."
        )
    named = finding.model_copy(update={"id": f"A{content.next_added}"})
    added = Added(finding=named, how=how, by=actor.name, at=now())
    more = content.model_copy(update={"added": (*content.added, added), "next_added": content.next_added + 1})
    return with_draft(opened.result, more)


def _must_be_open(opened: Opened) -> None:
    if not opened.is_open:
        raise NotNow("The report is signed.", remedy="Amend it, or add an addendum.")


def _decided(opened: Opened, content: Content, name: str, change: FindingChange, actor: Actor) -> Content:
    if change.decision == "rejected" and not change.reason.strip():
        raise UsageError(f"{name[:20]} is rejected without a reason.", remedy="Say why.")
    if change.decision == "edited" and (change.edited is None or change.edited.is_empty):
        raise UsageError(f"{name[:20]} is edited and nothing of it changed.", remedy="Accept it instead.")
    if any(one.finding.id == name for one in content.added):
        return _of_added(content, name, change, actor)
    finding = next((one for one in opened.result.findings if one.id == name), None)
    if finding is None:
        raise UsageError(f"There is no finding {name[:20]!r}.", remedy="Load the report again.")
    decisions = {each: one for each, one in content.decisions.items() if each != name}
    if change.decision != "unreviewed":
        decisions[name] = Decision(
            verdict=change.decision,
            tracking_uid=finding.tracking_uid,
            reason=change.reason.strip() if change.decision == "rejected" else "",
            edits=change.edited if change.decision == "edited" else None,
            by=actor.name,
            at=now(),
        )
    return content.model_copy(update={"decisions": decisions})


def _of_added(content: Content, name: str, change: FindingChange, actor: Actor) -> Content:
    if change.decision == "rejected":
        kept = tuple(one for one in content.added if one.finding.id != name)
        return content.model_copy(update={"added": kept})
    if change.decision != "edited" or change.edited is None:
        return content
    from firstread.readers.lung_nodule.reviewed import changed as as_changed

    given = {field: getattr(change.edited, field) for field in Edits.model_fields}
    added = tuple(
        one.model_copy(
            update={"finding": as_changed(one.finding, **given), "how": "hand", "by": actor.name, "at": now()}
        )
        if one.finding.id == name
        else one
        for one in content.added
    )
    return content.model_copy(update={"added": added})
