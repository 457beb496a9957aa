"""From a result to alerts, in the transaction that stores the result: neither is there without the other."""

import json
import logging
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from firstread.alerts.configuration import Configuration, shipped
from firstread.alerts.events import happened
from firstread.alerts.models import LEVELS, OPEN, Alert
from firstread.alerts.rules import Conditions, Fired, Rule, fired
from firstread.archive.columns import now
from firstread.archive.models import Study
from firstread.findings import Finding, ReadResult

SAME_PLACE_MM = 5.0
"""A lesion that a later revision names anew is the same where its centre moved no more than this, or its radius."""

_log = logging.getLogger(__name__)

_UNREAD_RULES = Rule(
    name="rules-not-evaluated",
    title="The rules of critical findings could not be evaluated: look at the study",
    title_zh="危急值规则无法执行：请查看该检查",
    level="hours",
    per="study",
    when=Conditions(concepts=("rules-not-evaluated",)),
)


def raise_for(
    connection: Connection,
    result: ReadResult,
    configuration: Configuration | None = None,
    *,
    revision: int = 1,
    at: datetime | None = None,
) -> tuple[int, ...]:
    """Raise the alerts that a result calls for, and bring those of earlier revisions up to date; return the new ones.

    An alert of a study is one row over all revisions: the same lesion, or the same rule, changes it. It is told anew
    only where it became more urgent. What a later revision does not find any more stays open until a person ends it.
    Called again with the same result it changes nothing.

    Args:
        connection: From `writing`: that of the transaction which stores the result.
        result: The read.
        configuration: The site's; None: what ships.
        revision: Which reading of the study it is, from 1.
        at: The present moment; None: now.
    """
    configuration, at = configuration or shipped(), at or now()
    study_key = connection.execute(
        select(Study.id).where(Study.study_uid == result.study_uid)
    ).scalar_one_or_none()
    wanted = _fired(result, configuration)
    there = list(
        connection.execute(
            select(Alert.__table__)
            .where(Alert.study_uid == result.study_uid, Alert.reader == result.reader.name)
            .order_by(Alert.id)
            .with_for_update()
        )
    )
    made = []
    for each in wanted:
        known = _known(each, there)
        if known is None:
            made.append(_raise(connection, each, result, configuration, study_key, revision, at))
        else:
            there.remove(known)
            _bring_up_to_date(connection, known, each, configuration, revision, at)
    for gone in there:
        _no_more(connection, gone, revision, at)
    return tuple(made)


def _fired(result: ReadResult, configuration: Configuration) -> Sequence[Fired]:
    try:
        return fired(result, configuration.rules)
    except Exception as error:  # a result is stored all the same, and a person is told
        _log.error("the rules of alerts failed with %s", type(error).__name__)
        subject = f"rule:{_UNREAD_RULES.name}:{result.reader.name}"
        return (Fired(_UNREAD_RULES, subject, result.findings, type(error).__name__),)


def _raise(
    connection: Connection,
    wanted: Fired,
    result: ReadResult,
    configuration: Configuration,
    study_key: int | None,
    revision: int,
    at: datetime,
) -> int:
    level = wanted.rule.level
    values = _said(wanted) | {
        "study_key": study_key,
        "study_uid": result.study_uid,
        "subject": wanted.subject,
        "reader": result.reader.name,
        "level": level,
        "revision": revision,
        "due_at": at,
        "raised_at": at,
        "changed_at": at,
        "deadline_at": at + timedelta(minutes=configuration.clocks.of(level)),
    }
    row = connection.execute(insert(Alert).values(values).returning(Alert.__table__)).one()
    happened(connection, row, "raised", at=at, because=wanted.because, revision=str(revision))
    return int(row.id)


def _bring_up_to_date(
    connection: Connection,
    known: Row[Any],
    wanted: Fired,
    configuration: Configuration,
    revision: int,
    at: datetime,
) -> None:
    said = _said(wanted)
    if revision <= known.revision and known.stands:
        return
    said |= {"revision": revision, "stands": True, "changed_at": at}
    level = wanted.rule.level
    is_more_urgent = LEVELS.index(level) < LEVELS.index(known.rule_level)
    if is_more_urgent:
        said |= {
            "level": level,
            "state": "raised",
            "round": known.round + 1,
            "step": -1,
            "chain": "",
            "due_at": at,
            "deadline_at": at + timedelta(minutes=configuration.clocks.of(level)),
            "confirmed_at": None,
            "acknowledged_at": None,
            "ended_at": None,
        }
    row = connection.execute(
        update(Alert).where(Alert.id == known.id).values(said).returning(Alert.__table__)
    ).one()
    kind = "reopened" if is_more_urgent else "updated"
    happened(connection, row, kind, at=at, because=wanted.because, revision=str(revision))


def _no_more(connection: Connection, gone: Row[Any], revision: int, at: datetime) -> None:
    if not gone.stands or revision <= gone.revision:
        return
    values = {"stands": False, "revision": revision, "changed_at": at}
    connection.execute(update(Alert).where(Alert.id == gone.id).values(values))
    if gone.state in OPEN:
        happened(connection, gone, "not found again", at=at, revision=str(revision))


def _said(wanted: Fired) -> dict[str, Any]:
    return {
        "rule": wanted.rule.name,
        "rule_level": wanted.rule.level,
        "title": wanted.rule.title,
        "text": "; ".join(map(_in_words, wanted.findings)),
        "because": wanted.because,
        "findings": json.dumps([_in_short(finding) for finding in wanted.findings], ensure_ascii=False),
        "also": json.dumps(wanted.also),
    }


def _in_words(finding: Finding) -> str:
    """Return a finding in a line, e.g. `Nodule 19.6 mm, part-solid, right lung, upper third (N2)`."""
    parts = [finding.concept.meaning]
    if finding.diameter_mm is not None:
        parts[0] += f" {finding.diameter_mm.mean:.1f} mm"
    if finding.attenuation:
        parts.append(finding.attenuation)
    place = f"{finding.lobe} lobe" if finding.lobe else finding.site.meaning.lower()
    parts.append(f"{finding.laterality} {place}" if finding.laterality and not finding.lobe else place)
    if finding.zone:
        parts.append(f"{finding.zone} third")
    if finding.category is not None:
        parts.append(f"{finding.category.scheme} {finding.category.value}")
    return ", ".join(parts) + f" ({finding.id})"


def _in_short(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "tracking_uid": finding.tracking_uid,
        "concept": finding.concept.model_dump(),
        "site": finding.site.model_dump(),
        "laterality": finding.laterality,
        "mean_mm": finding.diameter_mm.mean if finding.diameter_mm else None,
        "probability": finding.probability,
        "category": finding.category.value if finding.category else None,
        "center_lps_mm": finding.center_lps_mm,
        "sop_instance_uid": finding.sop_instance_uid,
    }


def _known(wanted: Fired, there: Sequence[Row[Any]]) -> Row[Any] | None:
    """Return the alert that this one is: of the same subject or, a lesion that was named anew, of the same place."""
    for row in there:
        if row.subject == wanted.subject:
            return row
    uids = {finding.tracking_uid for finding in wanted.findings}
    for row in there:
        found = json.loads(row.findings)
        if uids & {each["tracking_uid"] for each in found}:
            return row
        if row.rule == wanted.rule.name and row.subject.startswith("finding:") and found:
            finding = wanted.findings[0]
            reach = max(SAME_PLACE_MM, (finding.diameter_mm.mean / 2) if finding.diameter_mm else 0.0)
            if math.dist(found[0]["center_lps_mm"], finding.center_lps_mm) <= reach:
                return row
    return None
