"""What has become worse since the committed run: ratios within one run against ratios within the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.one_read import STAGES

TOLERANCE = 0.25
"""A time may grow by this share before it counts: what repeats on one host differ by."""
MEMORY_TOLERANCE = 0.10
"""Memory hardly varies."""
SMALL = 0.04
"""A stage with less than this share of the wall time, in both runs, is not judged: it is all noise."""
NETWORK_STAGES = ("segment", "detect", "classify")

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A figure of both runs; `worse` where it grew beyond the tolerance."""

    kind: str
    measure: str
    unit: str
    before: float
    now: float
    worse: bool

    @property
    def ratio(self) -> float:
        """Return the figure now over the figure before."""
        return self.now / self.before


class NotComparable(Exception):
    """The two runs are not of the same thing; the text says why."""


def changes(before: Report, now: Report, *, tolerance: float = TOLERANCE) -> list[Change]:
    """Compare a run of read_study with an earlier one.

    Times are counted in yardsticks of their own run. Where the earlier one has none, only the stages' shares in the
    wall time are compared.

    Raises:
        NotComparable: they read different studies, or with different options.
    """
    for what in ("study", "options"):
        if before[what] != now[what]:
            raise NotComparable(f"the earlier run has {what} {before[what]}, this one {now[what]}")
    found = []
    for kind, row in now["median"].items():
        former = before["median"][kind]
        for measure, unit, old, new in _times(before, now, former, row):
            found.append(Change(kind, measure, unit, old, new, new > old * (1 + tolerance)))
        old, new = former["peak_mb"], row["peak_mb"]
        found.append(Change(kind, "peak memory", "MB", old, new, new > old * (1 + MEMORY_TOLERANCE)))
    return found


def _times(
    before: Report, now: Report, former: Mapping[str, float], row: Mapping[str, float]
) -> Iterator[tuple[str, str, float, float]]:
    judged = [s for s in STAGES if max(former[s] / former["wall"], row[s] / row["wall"]) >= SMALL]
    if "yardsticks_s" not in before:
        for stage in judged:
            yield stage, "of the wall time", former[stage] / former["wall"], row[stage] / row["wall"]
        return
    whole = [sum(report["yardsticks_s"].values()) for report in (before, now)]
    yield "wall", "yardsticks", former["wall"] / whole[0], row["wall"] / whole[1]
    for stage in judged:
        which = "networks" if stage in NETWORK_STAGES else "rest"
        old, new = (report["yardsticks_s"][which] for report in (before, now))
        yield stage, f"yardsticks ({which})", former[stage] / old, row[stage] / new


def print_changes(found: list[Change]) -> None:
    """Print a Markdown table, and what became worse below it."""
    print("\n| | measure | in | committed | now | ratio | |\n|---|---|---|---|---|---|---|")
    for one in found:
        cells = (one.kind, one.measure, one.unit, f"{one.before:.3g}", f"{one.now:.3g}", f"{one.ratio:.2f}")
        print("|", " | ".join(cells), "|", "WORSE" if one.worse else "", "|")
    worse = [f"{one.kind} {one.measure} ({one.ratio:.2f} times)" for one in found if one.worse]
    print("\nWorse:", ", ".join(worse) if worse else "nothing beyond the tolerance.")
