"""How many nodules are found at how many false positives a scan (FROC), by the rules of LUNA16.

Setio et al. 2017, doi 10.1016/j.media.2017.06.015: a candidate hits a nodule when it lies within the nodule's radius of
its centre. Nodules that count are those that at least three of four readers marked; other marks are neither asked
for nor held against. Of several candidates on one nodule the best counts, and the others are no false positives.

Where LUNA16 interpolates between two points of the curve, here the lower one is taken: a sensitivity that a threshold
really reaches within that rate. Knows neither DICOM nor networks: training measures simulated scenes with it too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydantic import Field

from firstread.evaluation.statistics import (
    DRAWS,
    SEED,
    Estimate,
    Floats,
    Ints,
    Value,
    draws,
    interval,
    wilson,
)

Point = tuple[float, float, float]
Bools = npt.NDArray[np.bool_]

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives a scan at which LUNA16 asks for the sensitivity; their mean is the CPM."""
CURVE_RATES = tuple(float(2 ** (k / 8)) for k in range(-24, 33))
"""Where the curve is drawn: 1/8 to 16 false positives a scan."""


@dataclass(frozen=True)
class Scored:
    """A place that a detector proposes: centre (x, y, z; mm) and a score, higher for likelier."""

    center_lps_mm: Point
    score: float


@dataclass(frozen=True)
class Truth:
    """A nodule that readers marked.

    Attributes:
        center_lps_mm: (x, y, z), mm.
        diameter_mm: A candidate hits within half of it.
        counts: Whether it must be found; if not, candidates on it are ignored.
        labels: What tables tell apart, e.g. {"size": "3-6 mm", "texture": "solid"}.
    """

    center_lps_mm: Point
    diameter_mm: float
    counts: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredScan:
    """A scan with what was proposed and what is there. `patient` groups scans in the bootstrap; default: `name`."""

    name: str
    candidates: Sequence[Scored]
    nodules: Sequence[Truth]
    patient: str = ""


class AtRate(Value):
    """The sensitivity at a number of false positives a scan."""

    false_positives_a_scan: float = Field(description="that are allowed")
    sensitivity: Estimate
    threshold: float | None = Field(
        default=None, description="lowest score within that rate; None where even the highest is beyond it"
    )


class AtThreshold(Value):
    """What one threshold gives: candidates with this score or a higher one are reported."""

    threshold: float
    found: int
    sensitivity: Estimate
    false_positives_a_scan: Estimate


class Stratum(Value):
    """The sensitivity for some of the nodules, at the false positives of all scans."""

    label: str
    value: str
    nodules: int
    rates: tuple[AtRate, ...]
    at_threshold: Estimate | None = None


class NoduleScore(Value):
    """A nodule that counts, and the best score on it."""

    scan: str
    center_lps_mm: Point
    diameter_mm: float
    labels: dict[str, str]
    score: float | None = Field(description="None where no candidate lies on it")


class Froc(Value):
    """The result of an evaluation; `nodules` lists every nodule that counts with its best score."""

    scans: int
    patients: int
    nodules_that_count: int
    nodules_ignored: int
    candidates: int
    least_radius_mm: float
    draws: int
    rates: tuple[AtRate, ...]
    cpm: Estimate = Field(description="competition performance metric: mean sensitivity at the seven rates")
    at_threshold: AtThreshold | None = None
    strata: tuple[Stratum, ...] = ()
    curve: tuple[AtRate, ...] = Field(default=(), description="for the plot")
    nodules: tuple[NoduleScore, ...] = ()
    false_positives_by_scan: dict[str, int] = Field(
        default={}, description="at the threshold; empty without one"
    )


@dataclass(frozen=True)
class Matched:
    """What became of one scan's candidates: the best score of each nodule that counts (-inf: none), and the others."""

    best: tuple[float, ...]
    nodules: tuple[Truth, ...]
    false_positives: tuple[float, ...]


def match(scan: ScoredScan, *, least_radius_mm: float = 0.0) -> Matched:
    """Tell hits, false positives and what is ignored in one scan.

    Args:
        scan: Candidates and nodules.
        least_radius_mm: Nodules count as at least this large for a hit; 0 is LUNA16's rule.
    """
    scores = np.array([candidate.score for candidate in scan.candidates], float)
    if not np.isfinite(scores).all():
        raise ValueError(f"scan {scan.name} has a candidate whose score is not a finite number")
    places = np.array([candidate.center_lps_mm for candidate in scan.candidates], float).reshape(-1, 3)
    centres = np.array([nodule.center_lps_mm for nodule in scan.nodules], float).reshape(-1, 3)
    radii = np.array([max(nodule.diameter_mm / 2, least_radius_mm) for nodule in scan.nodules], float)
    # [nodule, candidate]
    hits = np.linalg.norm(centres[:, None] - places[None], axis=-1) <= radii[:, None]
    counted = [n for n, nodule in enumerate(scan.nodules) if nodule.counts]
    return Matched(
        best=tuple(float(scores[hits[n]].max(initial=-np.inf)) for n in counted),
        nodules=tuple(scan.nodules[n] for n in counted),
        false_positives=tuple(float(score) for score in scores[~hits.any(0)]),
    )


def froc(
    scans: Sequence[ScoredScan],
    *,
    threshold: float | None = None,
    least_radius_mm: float = 0.0,
    rates: Sequence[float] = RATES,
    count: int = DRAWS,
    seed: int = SEED,
) -> Froc:
    """Measure a detector.

    Args:
        scans: At least one; scans without a nodule count for the false positives.
        threshold: The operating point to report as well; a score.
        least_radius_mm: See `match`.
        rates: False positives a scan.
        count: How often patients are drawn for the intervals.
        seed: Of the drawing.

    Raises:
        ValueError: there is no scan, or a score is not a finite number.
    """
    if not scans:
        raise ValueError("there is no scan to measure on")
    matched = [match(scan, least_radius_mm=least_radius_mm) for scan in scans]
    patients = [scan.patient or scan.name for scan in scans]
    drawn = draws(patients, count=count, seed=seed)
    events = _Events(matched, np.vstack([np.ones((1, len(scans)), np.int64), drawn]))
    everything = np.ones(events.nodules, bool)
    lowest = events.thresholds(rates)
    every = [one for each in matched for one in each.nodules]
    return Froc(
        scans=len(scans),
        patients=len(set(patients)),
        nodules_that_count=events.nodules,
        nodules_ignored=sum(len(scan.nodules) for scan in scans) - events.nodules,
        candidates=sum(len(scan.candidates) for scan in scans),
        least_radius_mm=least_radius_mm,
        draws=len(drawn),
        rates=events.at_rates(rates, lowest, everything),
        cpm=events.mean_over(lowest, everything),
        at_threshold=None if threshold is None else events.at_threshold(threshold, everything),
        strata=_strata(events, every, rates, lowest, threshold),
        curve=events.at_rates(CURVE_RATES, events.thresholds(CURVE_RATES), everything),
        nodules=tuple(
            NoduleScore(
                scan=scan.name,
                center_lps_mm=nodule.center_lps_mm,
                diameter_mm=nodule.diameter_mm,
                labels=dict(nodule.labels),
                score=best if np.isfinite(best) else None,
            )
            for scan, each in zip(scans, matched, strict=True)
            for nodule, best in zip(each.nodules, each.best, strict=True)
        ),
        false_positives_by_scan={}
        if threshold is None
        else {
            scan.name: sum(score >= threshold for score in each.false_positives)
            for scan, each in zip(scans, matched, strict=True)
        },
    )


def _strata(
    events: "_Events",
    nodules: Sequence[Truth],
    rates: Sequence[float],
    lowest: Floats,
    threshold: float | None,
) -> tuple[Stratum, ...]:
    strata = []
    names = list(dict.fromkeys(name for nodule in nodules for name in nodule.labels))
    for name in names:
        values = {nodule.labels[name] for nodule in nodules if name in nodule.labels}
        for value in sorted(values, key=_in_order):
            chosen = np.array([nodule.labels.get(name) == value for nodule in nodules])
            point = None if threshold is None else events.at_threshold(threshold, chosen).sensitivity
            strata.append(
                Stratum(
                    label=name,
                    value=value,
                    nodules=int(chosen.sum()),
                    rates=events.at_rates(rates, lowest, chosen),
                    at_threshold=point,
                )
            )
    return tuple(strata)


def _in_order(value: str) -> tuple[float, str]:
    """Order ranges ("under 3 mm", "3 to 6 mm", "12 mm and more") by their numbers, words by the alphabet."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", value)]
    return (float(np.mean(numbers)) if numbers else 0.0, value)


class _Events:
    """Nodules and false positives of all scans, ranked; and how often each scan is in each drawing.

    Row 0 of the weights [drawing, scan] is the data as they are; the others are drawings.
    """

    def __init__(self, matched: Sequence[Matched], weights: Ints) -> None:
        self._best: Floats = np.array([score for one in matched for score in one.best], float)
        self._home: Ints = np.repeat(np.arange(len(matched)), [len(one.best) for one in matched])
        self.nodules = len(self._best)
        self._weights = weights
        self._scans: Ints = weights.sum(1)
        false = np.array([score for one in matched for score in one.false_positives], float)
        home = np.repeat(np.arange(len(matched)), [len(one.false_positives) for one in matched])
        order = np.argsort(-false, kind="stable")
        self._false, self._false_home = false[order], home[order]
        # Candidates of equal score come in together; a nodule that no candidate hit never does.
        scores = np.unique(np.concatenate([self._best, self._false]))
        self._levels: Floats = scores[np.isfinite(scores)][::-1]

    def _false_at(self, thresholds: Floats, drawing: int) -> Ints:
        """Return how many false positives reach each of the thresholds, which descend, in one drawing."""
        above = np.searchsorted(-self._false, -thresholds, side="right")
        running = np.cumsum(self._weights[drawing, self._false_home], dtype=np.int64)
        counts: Ints = np.concatenate([[0], running])[above]
        return counts

    def thresholds(self, rates: Sequence[float]) -> Floats:
        """Return the lowest score within each rate, [drawing, rate]; inf where even the highest is beyond it."""
        open_ended = np.concatenate([[np.inf], self._levels])
        lowest = np.empty((len(self._weights), len(rates)))
        for drawing, scans in enumerate(self._scans):
            counts = self._false_at(self._levels, drawing)
            within = np.searchsorted(counts, np.asarray(rates) * scans, side="right")
            lowest[drawing] = open_ended[within]
        return lowest

    def _found(self, thresholds: Floats, chosen: Bools) -> tuple[Floats, int]:
        """Return the sensitivity by drawing, of a threshold each, and how many nodules the data as they are gave."""
        weights = self._weights[:, self._home[chosen]]
        hit = self._best[chosen][None] >= thresholds[:, None]
        with np.errstate(invalid="ignore"):  # a drawing without such a nodule
            return (hit * weights).sum(1) / weights.sum(1), int(hit[0].sum())

    def at_rates(self, rates: Sequence[float], lowest: Floats, chosen: Bools) -> tuple[AtRate, ...]:
        """Return the sensitivity for the chosen nodules at each rate; `lowest` is that of `thresholds`."""
        told = []
        for rate, thresholds in zip(rates, lowest.T, strict=True):
            shares, found = self._found(thresholds, chosen)
            told.append(
                AtRate(
                    false_positives_a_scan=rate,
                    sensitivity=_share(shares, found, int(chosen.sum())),
                    threshold=float(thresholds[0]) if np.isfinite(thresholds[0]) else None,
                )
            )
        return tuple(told)

    def mean_over(self, lowest: Floats, chosen: Bools) -> Estimate:
        """Return the mean sensitivity over the rates that `lowest` is of."""
        shares = [self._found(thresholds, chosen)[0] for thresholds in lowest.T]
        return _estimate(np.mean(shares, axis=0), int(chosen.sum()))

    def at_threshold(self, threshold: float, chosen: Bools) -> AtThreshold:
        """Return what one threshold gives for the chosen nodules."""
        shares, found = self._found(np.full(len(self._weights), threshold), chosen)
        level = np.array([threshold])
        false = np.array([self._false_at(level, drawing)[0] for drawing in range(len(self._weights))])
        return AtThreshold(
            threshold=threshold,
            found=found,
            sensitivity=_share(shares, found, int(chosen.sum())),
            false_positives_a_scan=_estimate(false / self._scans, int(self._scans[0])),
        )


def _estimate(values: Floats, n: int) -> Estimate:
    low, high = interval(values[1:])
    value = float(values[0]) if np.isfinite(values[0]) else None
    return Estimate(value=value, low=low, high=high, n=n)


def _share(values: Floats, found: int, n: int) -> Estimate:
    return _estimate(values, n).model_copy(update={"wilson": wilson(found, n)})
