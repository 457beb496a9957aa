"""A report as JSON, for the viewer and the editor."""

from collections.abc import Sequence
from typing import Any

from firstread.findings import NOTICE, Finding
from firstread.workflow.reporting.alerted import Alerted
from firstread.workflow.reporting.content import SECTIONS, Content
from firstread.workflow.reporting.drafting import drafted
from firstread.workflow.reporting.history import Version
from firstread.workflow.reporting.report import Opened
from firstread.workflow.reporting.signing import Signature

Json = dict[str, Any]


def shown(
    opened: Opened,
    signatures: Sequence[Signature] = (),
    *,
    reads: str = "",
    alerts: Sequence[Json] = (),
) -> Json:
    """Return all that a client needs of a report.

    `findings` has every finding, the rejected too: as the AI has it (`ai`, null for one that a person added) and as it
    stands (`finding`, null for a rejected one). `reads` is the name of somebody else who has claimed the study, else
    "". `alerts` are the study's that have not ended, as `alert_shown` has them.
    """
    content, stands = opened.content, opened.stands
    return {
        "study_uid": opened.subject.study_uid,
        "notice": NOTICE if not signatures else "",
        "state": opened.state,
        "amending": opened.amending,
        "open": opened.is_open,
        "version": opened.version,
        "lang": content.lang,
        "author": opened.author,
        "changed_at": opened.changed_at.isoformat(),
        "newer_result": opened.newer_result,
        "result_digest": opened.subject.digest,
        "reader": opened.result.reader.model_dump(mode="json"),
        "series_uid": opened.result.series_uid,
        "category": stands.category.model_dump(mode="json") if stands.category else None,
        "categories": [one.model_dump(mode="json") for one in stands.categories],
        "sections": _sections(opened),
        "findings": _findings(opened),
        "amends": content.amends,
        "addenda": [one.model_dump(mode="json") for one in content.addenda],
        "signatures": [signature_shown(one) for one in signatures],
        "reads": reads,
        "alerts": [*alerts],
    }


def alert_shown(one: Alerted, title: str) -> Json:
    """Return an alert beside its report as JSON; `title` is that of its rule in the reader's language."""
    return {
        "id": one.alert.id,
        "title": title,
        "level": one.alert.level,
        "open": one.alert.is_open,
        "confirmed": one.alert.confirmed_at is not None,
        "stand": one.stand,
    }


def signature_shown(one: Signature) -> Json:
    """Return a signature as JSON."""
    return {
        "version": one.version,
        "kind": one.kind,
        "name": one.display_name,
        "signed_at": one.signed_at.isoformat(),
        "sr_uid": one.sr_uid,
        "pdf_uid": one.pdf_uid,
        "filed": one.filed,
    }


def version_shown(one: Version) -> Json:
    """Return a version of the history as JSON."""
    return {
        "number": one.number,
        "state": one.state,
        "why": one.why,
        "author": one.author,
        "made_at": one.made_at.isoformat(),
    }


def content_shown(content: Content) -> Json:
    """Return what a version says, whole."""
    return content.model_dump(mode="json")


def _sections(opened: Opened) -> Json:
    fresh = drafted(opened.result, opened.content)
    said: Json = {}
    for name in SECTIONS:
        section = opened.content.sections[name]
        said[name] = {
            "text": section.text,
            "edited": section.edited,
            "draft": fresh[name],
            "differs": section.edited and section.text != fresh[name],
        }
    return said


def _findings(opened: Opened) -> list[Json]:
    content = opened.content
    stands = {one.id: one for one in opened.stands.findings}
    said: list[Json] = []
    for finding in opened.result.findings:
        decision = content.decisions.get(finding.id)
        edits = decision.edits if decision is not None else None
        said.append(
            {
                "id": finding.id,
                "origin": "ai",
                "decision": content.verdict_of(finding.id),
                "reason": decision.reason if decision is not None else "",
                "edited": edits.model_dump(mode="json", exclude_none=True) if edits is not None else None,
                "by": decision.by if decision is not None else "",
                "at": decision.at.isoformat() if decision is not None else None,
                "ai": _json(finding),
                "finding": _json(stands.get(finding.id)),
            }
        )
    for added in content.added:
        said.append(
            {
                "id": added.finding.id,
                "origin": "person",
                "decision": "added",
                "reason": "",
                "edited": None,
                "how": added.how,
                "by": added.by,
                "at": added.at.isoformat(),
                "ai": None,
                "finding": _json(stands.get(added.finding.id)),
            }
        )
    return said


def _json(finding: Finding | None) -> Json | None:
    return finding.model_dump(mode="json") if finding is not None else None
