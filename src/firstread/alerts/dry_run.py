"""What the rules would make of a result: which fire, on what, and why the others do not. Nobody is told."""

from typing import Any

from firstread.alerts.configuration import Configuration
from firstread.alerts.rules import fired, verdicts
from firstread.findings import ReadResult


def dry_run(result: ReadResult, configuration: Configuration) -> dict[str, Any]:
    """Return the alerts that would be raised, and of each finding what every rule says of it, as JSON."""
    return {
        "study_uid": result.study_uid,
        "findings": len(result.findings),
        "alerts": [
            {
                "rule": each.rule.name,
                "title": each.rule.title,
                "level": each.rule.level,
                "findings": [finding.id for finding in each.findings],
                "because": each.because,
                "also": list(each.also),
                "acknowledge_within_minutes": configuration.clocks.of(each.rule.level),
                "chain": configuration.chain_of(each.rule.level).name,
            }
            for each in fired(result, configuration.rules)
        ],
        "rules": [
            {
                "rule": each.rule.name,
                "finding": each.finding.id,
                "fires": each.fires,
                "because": each.because,
                "conditions": [
                    {
                        "condition": check.condition,
                        "wanted": check.wanted,
                        "found": check.found,
                        "met": check.met,
                    }
                    for check in each.checks
                ],
            }
            for each in verdicts(result, configuration.rules)
        ],
    }
