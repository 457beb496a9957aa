"""What a signature means for the critical alerts of its study.

Who signs a report in which the finding of an alert stands has confirmed it: a radiologist saw it too. That ends
nothing: the alert's clock goes on until somebody acknowledges it. Of an alert whose finding the report does not
have any more the signer is told, and ends it with a reason or leaves it; nobody ends one by signing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection

from firstread.access import Actor
from firstread.alerts import acts
from firstread.alerts.models import OPEN
from firstread.alerts.queries import AlertStatus, list_alerts
from firstread.alerts.rules import Rule, verdicts
from firstread.alerts.site_rules import named
from firstread.workflow.reporting.report import Opened

Stand = Literal["stands", "rejected", "changed", "unreviewed"]


@dataclass(frozen=True)
class Alerted:
    """An alert of the study, and how the report stands to it.

    `stand`: stands, a finding of it was accepted, or edited and still fulfils the rule; rejected, all of them;
    changed, edited so that the rule would not fire, or the rule is gone; unreviewed, nobody has decided.
    """

    alert: AlertStatus
    stand: Stand


def alerted(
    connection: Connection, opened: Opened, rules: Sequence[Rule], within: ColumnElement[bool] | None = None
) -> tuple[Alerted, ...]:
    """Return the alerts of a report's study that have not ended, open ones first.

    Args:
        connection: Of the archive's database.
        opened: The report.
        rules: Those that hold.
        within: What the study must fulfil for its alerts to be seen.
    """
    found = list_alerts(
        connection, study_uid=opened.subject.study_uid, states=(*OPEN, "acknowledged"), within=within
    )
    return tuple(Alerted(each, _stand(each, opened, rules)) for each in found)


def confirm_signed(
    connection: Connection,
    opened: Opened,
    actor: Actor,
    rules: Sequence[Rule],
    within: ColumnElement[bool] | None = None,
) -> None:
    """Confirm the alerts whose findings stand in a report that was just signed, in the signature's transaction.

    Args:
        connection: From `writing`.
        opened: The report as it was signed.
        actor: Who signed it, and may decide on its alerts: it is the same right.
        rules: Those that hold.
        within: What the study must fulfil for the actor to decide on its alerts.
    """
    for each in alerted(connection, opened, rules, within):
        if each.stand == "stands" and each.alert.confirmed_at is None:
            acts.confirm(connection, each.alert.id, actor, within=within, by_signing=True)


def _stand(alert: AlertStatus, opened: Opened, rules: Sequence[Rule]) -> Stand:
    uids = {each["tracking_uid"] for each in alert.findings}
    content = opened.content
    decided = {
        one.id: content.verdict_of(one.id) for one in opened.result.findings if one.tracking_uid in uids
    }
    if "accepted" in decided.values():
        return "stands"
    edited = [name for name, verdict in decided.items() if verdict == "edited"]
    rule = named(rules, alert.rule)
    if edited and rule is not None and _fires(rule, opened, edited):
        return "stands"
    if "unreviewed" in decided.values() or not decided:
        return "unreviewed"
    return "changed" if edited else "rejected"


def _fires(rule: Rule, opened: Opened, names: Sequence[str]) -> bool:
    """Tell whether a rule fires on one of these findings as the report has them."""
    asked = rule.model_copy(update={"enabled": True})
    return any(each.fires and each.finding.id in names for each in verdicts(opened.stands, (asked,)))
