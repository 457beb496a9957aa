"""Join the two networks' scores, choose the threshold, and say how good they are, fold against fold.

    python -m training.lung_nodule.operating_point --folds A.json B.json --json report.json

Each file holds what `score.py` wrote of one fold's held-out chests. The weights and the threshold that a fold is
reported with come from the other folds alone. What ships (`shipped` in the report) is fitted on all of them.
Two networks trained alike differ in how high they score, so `--seen` names, by fold, chests that its networks know,
with nodules that they don't. Scores count in the spread of those nodules' scores; on that scale weights and thresholds
carry over to other networks. `--shipped` names such chests scored by what ships, in FP32 and INT8.
At so many false positives a scan every network has a threshold of its own (`joined.by_rate`); what all of them give on
the common scale at one threshold is told beside.
`--int8` names the same chests scored with the INT8 packages, in the same order; `--baseline` those of the blobs.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from firstread.evaluation.froc import Froc, ScoredScan, Truth, froc
from firstread.evaluation.strata import size_class
from training.lung_nodule.agreement import auc
from training.lung_nodule.joined import (
    AS_ACQUIRED,
    LEAST_RADIUS_MM,
    RAW,
    REAL,
    Chest,
    Floats,
    by_rate,
    false_positives,
    fitted,
    of,
    on_scale,
    outlined,
    proposals,
    scale_of,
    scans,
    threshold_at,
)
from training.lung_nodule.rendering import PROTOCOLS

SMALL = size_class(5.0)


@dataclass(frozen=True)
class Fold:
    """The chests that a fold left out, with the weights and the threshold that the other folds give it."""

    chests: list[Chest]
    weights: Floats
    threshold: float

    def told(self, protocol: str, *, above_threshold: bool = False) -> list[ScoredScan]:
        """Return the chests of a protocol, scores in spreads of a nodule's: one scale for all folds.

        Logits would not do: how steep they are depends on the chests that the weights were fitted on. Nor would scores
        above each fold's threshold, which shift with the false positives of the chests that it was chosen on.

        Args:
            protocol: Of the chests.
            above_threshold: Give scores above the threshold instead, to count what is found at it.
        """
        zero = _logit(self.threshold) if above_threshold else self.weights[2]
        return [
            replace(
                scan,
                candidates=[
                    replace(c, score=(_logit(c.score) - zero) / self.weights[:2].sum())
                    for c in scan.candidates
                ],
            )
            for scan in scans(of(self.chests, protocol), self.weights)
        ]

    def by_rate(self, protocol: str, *, detector_alone: bool = False) -> list[ScoredScan]:
        """Return the chests of a protocol, scores by how seldom the fold's networks are wrong so surely."""
        return by_rate(scans(of(self.chests, protocol), None if detector_alone else self.weights))


def at_four(told: Sequence[ScoredScan]) -> dict[str, Any]:
    """Return the sensitivity at 4 false positives a scan: of all, and from 6 mm on."""
    measured = froc(told, least_radius_mm=LEAST_RADIUS_MM, rates=(4.0,), count=2)
    rate = measured.rates[0]
    least = -np.inf if rate.threshold is None else rate.threshold
    large = [n.score is not None and n.score >= least for n in measured.nodules if n.labels["size"] != SMALL]
    return {
        "nodules": measured.nodules_that_count, "sensitivity": round(rate.sensitivity.value or 0.0, 3),
        "of 6 mm and more": len(large), "sensitivity of these": round(float(np.mean(large)), 3) if large else None,
    }  # fmt: skip


def robustness(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return by protocol the sensitivity for nodules of 6 mm and more at each fold's threshold, on the same scenes."""
    # The reference shows the same scenes as the other columns, no more.
    again = {c["name"] for fold in folds for c in fold.chests if c["protocol"] not in (AS_ACQUIRED, REAL)}
    table: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        found = total = alarms = scenes = 0
        for fold in folds:
            chosen = scans([c for c in of(fold.chests, protocol) if c["name"] in again], fold.weights)
            if not chosen:
                continue
            measured = froc(
                chosen, threshold=fold.threshold, least_radius_mm=LEAST_RADIUS_MM, rates=(1.0,), count=2
            )
            large = [n for n in measured.nodules if n.labels["size"] != SMALL]
            found += sum(n.score is not None and n.score >= fold.threshold for n in large)
            total += len(large)
            alarms += sum(measured.false_positives_by_scan.values())
            scenes += len(chosen)
        if total:
            table[protocol] = {
                "nodules": total, "found": found, "sensitivity": found / total,
                "scenes": scenes, "false_positives": alarms / scenes,
            }  # fmt: skip
    return table


def summary(measured: Froc) -> dict[str, Any]:
    """Return the figures of a card: rates, CPM, tables."""
    return {
        "scans": measured.scans,
        "nodules": measured.nodules_that_count,
        "cpm": measured.cpm.model_dump(),
        "rates": [rate.model_dump() for rate in measured.rates],
        "at_threshold": measured.at_threshold.model_dump() if measured.at_threshold else None,
        "strata": [stratum.model_dump() for stratum in measured.strata],
    }


def _sensitivity(judged: Sequence[Fold], protocol: str, name: str) -> dict[str, Any]:
    """Measure, print and return what is found on the chests of a protocol, and at how many false positives."""
    shown = [fold for fold in judged if of(fold.chests, protocol)]
    told = [scan for fold in shown for scan in fold.by_rate(protocol)]
    alone = [scan for fold in shown for scan in fold.by_rate(protocol, detector_alone=True)]
    chosen = [scan for fold in shown for scan in fold.told(protocol, above_threshold=True)]
    both, detector = (froc(part, least_radius_mm=LEAST_RADIUS_MM) for part in (told, alone))
    at_threshold = froc(chosen, threshold=0.0, least_radius_mm=LEAST_RADIUS_MM, rates=(1.0,))
    both = both.model_copy(update={"at_threshold": at_threshold.at_threshold})
    one_scale = froc(
        [scan for fold in shown for scan in fold.told(protocol)], least_radius_mm=LEAST_RADIUS_MM
    )
    _print(name, both)
    _print(f"{name}, detector alone", detector, strata=False)
    _print(f"{name}, both, all networks at one threshold", one_scale, strata=False)
    removed = _removed(told, alone)
    print("   false positives a scan at the same sensitivity, detector alone and both:", removed)
    return summary(both) | {
        "false_positives_by_scan": dict(at_threshold.false_positives_by_scan),
        "detector_alone": summary(detector),
        "one_scale": summary(one_scale),
        "false_positive_removal": removed,
    }


def _at_four(files: Sequence[Path], judged: Sequence[Fold]) -> dict[str, Any]:
    """Return `at_four` of inserted nodules by fold and of all; also with pointed-at places held against where known."""
    groups = {path.stem: fold.by_rate(AS_ACQUIRED) for path, fold in zip(files, judged, strict=True)}
    every = [scan for told in groups.values() for scan in told]
    without = [replace(fold, chests=outlined(fold.chests)) for fold in judged]
    held_against = [scan for fold in without for scan in fold.by_rate(AS_ACQUIRED)]
    groups["all"] = every
    groups["all, at one threshold"] = [scan for fold in judged for scan in fold.told(AS_ACQUIRED)]
    if any(len(a.nodules) < len(b.nodules) for a, b in zip(held_against, every, strict=True)):
        groups["all, what readers only pointed at held against"] = held_against
    return {name: at_four(told) for name, told in groups.items()}


def main() -> None:
    """Fit, choose, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folds", type=Path, nargs="+", required=True)
    parser.add_argument("--seen", type=Path, nargs="*", default=[])
    parser.add_argument("--int8", type=Path, nargs="*", default=[])
    parser.add_argument("--baseline", type=Path, nargs="*", default=[])
    parser.add_argument(
        "--shipped", type=Path, nargs=2, help="the same chests scored by what ships, FP32 and INT8"
    )
    parser.add_argument("--false-positives", type=float, default=2.0, help="a scan, at the threshold")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    scales = [scale_of(json.loads(path.read_text())) for path in options.seen] or [RAW] * len(options.folds)

    def told_of(paths: Sequence[Path]) -> list[list[Chest]]:
        return [on_scale(json.loads(p.read_text()), s) for p, s in zip(paths, scales, strict=True)]

    folds = told_of(options.folds)
    report: dict[str, Any] = {"folds": []}
    judged: list[Fold] = []
    for number, chests in enumerate(folds):
        others = [
            chest for n, fold in enumerate(folds) if n != number for chest in of(fold, AS_ACQUIRED, REAL)
        ]
        weights = fitted(of(others, AS_ACQUIRED))
        threshold = threshold_at(scans(others, weights), options.false_positives)
        judged.append(Fold(chests, weights, threshold))
        report["folds"].append({"weights": weights.tolist(), "threshold": threshold})
        print(f"fold {options.folds[number].stem}: weights {weights.round(3)}, threshold {threshold:.3f}")

    for fold, point in zip(folds, report["folds"], strict=True):
        logits, right = proposals(of(fold, AS_ACQUIRED))
        point["auc"] = [round(auc(column, right), 4) for column in logits.T]
        print(f"   ranking of {len(right)} proposals, AUC of detector and candidate network: {point['auc']}")
    for name, protocol in (("real scans", REAL), ("inserted nodules", AS_ACQUIRED)):
        if not any(of(fold, protocol) for fold in folds):
            continue
        report[name] = _sensitivity(judged, protocol, name)
    report["at 4"] = _at_four(options.folds, judged)
    for name, part in report["at 4"].items():
        print(f"   {name}, inserted, at 4 false positives: {part}")
    real = [scan for fold in judged for scan in fold.told(REAL, above_threshold=True)]
    for name, alarms in report.get("real scans", {}).get("false_positives_by_scan", {}).items():
        print(f"   {name}: {alarms} false positives at the threshold")
    for scan, chest in zip(real, outlined([c for f in folds for c in of(f, REAL)]), strict=True):
        for nodule in chest["nodules"]:
            one = ScoredScan(
                scan.name, scan.candidates, [Truth(tuple(nodule["center_lps_mm"]), nodule["long_mm"])]
            )
            best = froc([one], least_radius_mm=LEAST_RADIUS_MM, count=2).nodules[0].score
            print(
                f"   {scan.name}: {nodule['diameter_mm']:.1f} mm, {nodule['labels']['readers']} readers, score {best}"
            )
    matrix = robustness(judged)
    report["robustness"] = matrix
    reference = matrix.get(AS_ACQUIRED, {}).get("sensitivity", float("nan"))
    for protocol, cell in matrix.items():
        print(
            f"   {protocol:40s} {cell['sensitivity']:.3f} of {cell['nodules']} nodules of 6 mm and more"
            f" ({cell['sensitivity'] / reference:.2f} of the reference), {cell['false_positives']:.1f} false positives"
        )
    if options.int8:
        report["int8"] = _int8(folds, told_of(options.int8), report["folds"])
    if options.baseline:
        scenes = of(
            [chest for path in options.baseline for chest in json.loads(path.read_text())], AS_ACQUIRED
        )
        measured = froc(scans(scenes, None), least_radius_mm=LEAST_RADIUS_MM)
        report["baseline"] = summary(measured)
        _print("Laplacian of Gaussian", measured)
    every = [chest for fold in folds for chest in of(fold, AS_ACQUIRED, REAL)]
    weights = fitted(of(every, AS_ACQUIRED))
    threshold = round(threshold_at(scans(every, weights), options.false_positives), 4)
    if options.shipped and options.seen:
        weights = scale_of(json.loads(options.shipped[0].read_text())).shown(weights)
    report["shipped"] = {
        "detector": round(float(weights[0]), 4), "candidate": round(float(weights[1]), 4),
        "bias": round(float(weights[2]), 4),
        "threshold": threshold,
    }  # fmt: skip
    if options.shipped:
        report["shipped"]["threshold_int8"] = _matched(options.shipped, weights, threshold)
    print("shipped:", report["shipped"])
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def _matched(files: Sequence[Path], weights: Floats, threshold: float) -> float:
    """Return the threshold at which INT8 has as many false positives as FP32 has at its own, on the same chests.

    Precision moves all scores of a network alike; which chests show by how much hardly matters.
    """
    exact, rounded = (of(json.loads(path.read_text()), AS_ACQUIRED, REAL) for path in files)
    rate = false_positives(scans(exact, weights), threshold)
    print(f"shipped FP32: {rate:.2f} false positives on chests that it knows")
    return round(threshold_at(scans(rounded, weights), rate), 4)


def _logit(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return float(np.log(p / (1 - p)))


def _removed(both: Sequence[ScoredScan], first: Sequence[ScoredScan]) -> dict[str, list[float]]:
    """Return, by sensitivity, the false positives a scan of the detector alone and of both networks."""
    table = {}
    for share in (0.6, 0.7, 0.8, 0.9):
        pair = []
        for told in (first, both):
            scores = sorted(
                (
                    -np.inf if n.score is None else n.score
                    for n in froc(told, least_radius_mm=LEAST_RADIUS_MM, count=2).nodules
                ),
                reverse=True,
            )
            needed = scores[int(np.ceil(share * len(scores))) - 1]
            pair.append(round(false_positives(told, needed), 2) if np.isfinite(needed) else float("nan"))
        table[f"{share:g}"] = pair
    return table


def _int8(
    folds: Sequence[list[Chest]], int8: Sequence[list[Chest]], points: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Compare INT8 with FP32 on the same chests, by sensitivity at the operating point; INT8 has its own threshold.

    It is chosen as FP32's: on the other folds, at the same false positives a scan.
    """
    found = {"f32": 0, "int8": 0}
    alarms = {"f32": 0.0, "int8": 0.0}
    total = scenes = 0
    for exact, rounded, point in zip(folds, int8, points, strict=True):
        weights = np.asarray(point["weights"])
        names = {(chest["name"], chest["protocol"]) for chest in rounded}
        same = [chest for chest in exact if (chest["name"], chest["protocol"]) in names]
        others = [f for f in folds if f is not exact]
        other_int8 = [r for f, r in zip(folds, int8, strict=True) if f is not exact]
        rate = false_positives(
            scans([c for f in others for c in of(f, AS_ACQUIRED, REAL)], weights), point["threshold"]
        )
        own = threshold_at(scans([c for f in other_int8 for c in of(f, AS_ACQUIRED, REAL)], weights), rate)
        for name, chests, threshold in (("f32", same, point["threshold"]), ("int8", rounded, own)):
            measured = froc(
                scans(chests, weights), threshold=threshold, least_radius_mm=LEAST_RADIUS_MM, count=2
            )
            found[name] += sum(n.score is not None and n.score >= threshold for n in measured.nodules)
            alarms[name] += sum(measured.false_positives_by_scan.values())
        total += measured.nodules_that_count
        scenes += len(rounded)
    told = {
        "nodules": total,
        "sensitivity": {name: n / total for name, n in found.items()},
        "false_positives": {name: n / scenes for name, n in alarms.items()},
    }
    print("   FP32 and INT8:", told)
    return told


def _print(name: str, measured: Froc, *, strata: bool = True) -> None:
    print(f"{name}: {measured.scans} scans, {measured.nodules_that_count} nodules")
    cpm = measured.cpm
    print(f"   CPM {cpm.value:.3f} ({cpm.low:.3f} to {cpm.high:.3f})")
    print("  ", "  ".join(f"{r.false_positives_a_scan:g}: {r.sensitivity.value:.3f}" for r in measured.rates))
    if measured.at_threshold:
        at = measured.at_threshold
        print(
            f"   at the threshold {at.sensitivity.value:.3f}, {at.false_positives_a_scan.value:.2f} false positives"
        )
    for stratum in measured.strata if strata else ():
        four = next(r for r in stratum.rates if r.false_positives_a_scan == 4)
        e = four.sensitivity
        print(
            f"      {stratum.label} {stratum.value}: {stratum.nodules}, {e.value:.3f} at 4"
            f" ({e.low:.3f} to {e.high:.3f})"
        )


if __name__ == "__main__":
    main()
