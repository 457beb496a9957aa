"""What a worklist shows of a result: its gravest findings in a few facts each, kept with the result's row."""

import json
from typing import Any

from firstread.findings import Finding, ReadResult

MOST = 3


def summary_of(result: ReadResult) -> str:
    """Return a JSON list of the leading findings: category, size (mm), place, attenuation, change; and how many more.

    Findings of the study's category come first, then by their own, then by mean diameter. Words are codes: pages
    translate them.
    """
    category = result.category.value if result.category is not None else ""

    def gravity(finding: Finding) -> tuple[bool, str, float, float]:
        own = finding.category.value if finding.category is not None else ""
        return (
            own == category,
            own,
            finding.diameter_mm.mean if finding.diameter_mm else 0.0,
            finding.probability,
        )

    ordered = sorted(result.findings, key=gravity, reverse=True)
    chips = [_chip(finding) for finding in ordered[:MOST]]
    if not chips and category:
        chips = [{"category": category}]
    if len(ordered) > MOST:
        chips.append({"more": len(ordered) - MOST})
    return json.dumps(chips, ensure_ascii=False)


def _chip(finding: Finding) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "category": finding.category.value if finding.category is not None else None,
        "scheme": finding.category.scheme if finding.category is not None else None,
        "finding": finding.concept.meaning,
        "mm": finding.diameter_mm.mean if finding.diameter_mm is not None else None,
        "lobe": finding.lobe,
        "laterality": finding.laterality,
        "zone": finding.zone,
        "attenuation": finding.attenuation,
        "change": finding.comparison.change if finding.comparison is not None else None,
    }
    return {name: value for name, value in facts.items() if value is not None}
