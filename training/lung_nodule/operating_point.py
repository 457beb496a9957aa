"""Join the two networks' scores, choose the threshold, and say how good they are, fold against fold.

    python -m training.lung_nodule.operating_point --folds A.json B.json --json report.json

Each file holds what `score.py` wrote of one fold's held-out chests. The weights and the threshold that a fold is
reported with come from the other folds alone. What ships (`shipped` in the report) is fitted on all of them.
Two networks trained alike differ in how high they score, so `--seen` names, by fold, chests that its networks know,
with nodules that they don't. Scores count in the spread of those nodules' scores; on that scale weights and thresholds
carry over to other networks. `--shipped` names such chests scored by what ships, in FP32 and INT8.
`--int8` names the same chests scored with the INT8 packages, in the same order; `--baseline` those of the blobs.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.evaluation.froc import Froc, Scored, ScoredScan, Truth, froc
from firstread.evaluation.strata import size_class
from training.lung_nodule.agreement import auc
from training.lung_nodule.rendering import PROTOCOLS
from training.lung_nodule.scenes import POINTED_AT

Floats = npt.NDArray[np.float64]
Chest = dict[str, Any]
LEAST_RADIUS_MM = 2.5
"""A candidate this near a centre hits however small the nodule: the tolerance of a read's own outline."""
AS_ACQUIRED, REAL = "as acquired", "real"
SMALL = size_class(5.0)


def proposals(chests: Sequence[Chest]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return both logits [n, 2] of the candidates that are known to be right or wrong, and which are right [n]."""
    logits, right = [], []
    for chest in chests:
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
        centres = np.array([n["center_lps_mm"] for n in chest["nodules"]], float).reshape(-1, 3)
        radii = np.array([reach(n) for n in chest["nodules"]])
        counts = np.array([n["counts"] for n in chest["nodules"]], bool)
        hits = np.linalg.norm(rows[:, None, :3] - centres[None], axis=-1) <= radii
        hit, ignored = (hits & counts).any(1), (hits & ~counts).any(1)
        known = hit | ~ignored
        logits.append(rows[known, 3:])
        right.append(hit[known])
    return np.concatenate(logits), np.concatenate(right)


def fitted(chests: Sequence[Chest]) -> Floats:
    """Fit weights of detector, candidate network and bias by logistic regression with a little ridge (Newton)."""
    logits, right = proposals(chests)
    x, y = np.column_stack([logits, np.ones(len(logits))]), right.astype(float)
    weights = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (p - y) + 1e-2 * weights
        curve = (x * (p * (1 - p))[:, None]).T @ x + 1e-2 * np.eye(3)
        weights -= np.linalg.solve(curve, gradient)
    return weights


@dataclass(frozen=True)
class Scale:
    """How high the two networks of a fold score nodules: median and width of the middle half, of each score [2]."""

    middle: Floats
    spread: Floats

    def shown(self, weights: Floats) -> Floats:
        """Return weights for raw scores that do what `weights` do for scores on this scale."""
        raw = weights[:2] / self.spread
        return np.append(raw, weights[2] - raw @ self.middle)


RAW = Scale(np.zeros(2), np.ones(2))


def scale_of(chests: Sequence[Chest]) -> Scale:
    """Measure the scale on the best candidate of every nodule that counts."""
    best = []
    for chest in of(chests, AS_ACQUIRED):
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
        for nodule in chest["nodules"]:
            away = np.linalg.norm(rows[:, :3] - nodule["center_lps_mm"], axis=1)
            near = rows[away <= reach(nodule)]
            if nodule["counts"] and len(near):
                best.append(near[near[:, 3].argmax(), 3:])
    low, middle, high = np.percentile(np.array(best), (25, 50, 75), axis=0)
    return Scale(middle, np.maximum(high - low, 1e-3))


def on_scale(chests: Sequence[Chest], scale: Scale) -> list[Chest]:
    """Return the chests with the scores on a scale."""
    told = []
    for chest in chests:
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5).copy()
        rows[:, 3:] = (rows[:, 3:] - scale.middle) / scale.spread
        told.append(chest | {"candidates": rows})
    return told


def reach(nodule: dict[str, Any]) -> float:
    """Return how far from a nodule's centre a candidate hits it; mm."""
    return float(max(nodule["long_mm"] / 2, LEAST_RADIUS_MM))


def outlined(chests: Sequence[Chest]) -> list[Chest]:
    """Return the chests without the places that readers only pointed at: what is found there counts as false then."""
    return [
        chest | {"nodules": [n for n in chest["nodules"] if n["labels"].get("site") != POINTED_AT]}
        for chest in chests
    ]


def scans(chests: Sequence[Chest], weights: Floats | None) -> list[ScoredScan]:
    """Return the chests with joint probabilities; with None, with the detector's own scores."""
    told = []
    for chest in chests:
        rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
        if weights is None:
            scores = rows[:, 3]
        else:
            logit = np.column_stack([rows[:, 3:], np.ones(len(rows))]) @ weights
            scores = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        told.append(
            ScoredScan(
                name=f"{chest['name']} {chest['protocol']}",
                candidates=[
                    Scored((float(x), float(y), float(z)), float(s))
                    for (x, y, z), s in zip(rows[:, :3], scores, strict=True)
                ],
                nodules=[
                    Truth(tuple(n["center_lps_mm"]), n["long_mm"], n["counts"], n["labels"])
                    for n in chest["nodules"]
                ],
                patient=chest["patient"],
            )
        )
    return told


def of(chests: Sequence[Chest], *protocols: str) -> list[Chest]:
    """Return the chests of the given protocols."""
    return [chest for chest in chests if chest["protocol"] in protocols]


def threshold_at(told: Sequence[ScoredScan], rate: float) -> float:
    """Return the score above which these scans have so many false positives on average."""
    measured = froc(told, least_radius_mm=LEAST_RADIUS_MM, rates=(rate,), count=2)
    lowest = measured.rates[0].threshold
    return 1.0 if lowest is None else lowest


def false_positives(told: Sequence[ScoredScan], threshold: float) -> float:
    """Return the mean number of false positives a scan at a threshold."""
    measured = froc(told, threshold=threshold, least_radius_mm=LEAST_RADIUS_MM, rates=(1.0,), count=2)
    assert measured.at_threshold
    return measured.at_threshold.false_positives_a_scan.value or 0.0


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


def at_four(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return the sensitivity for inserted nodules at 4 false positives a scan: of all, and from 6 mm on."""
    told = [scan for fold in folds for scan in fold.told(AS_ACQUIRED)]
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
        pooled = [scan for fold in judged for scan in fold.told(protocol)]
        if not pooled:
            continue
        both = froc(pooled, least_radius_mm=LEAST_RADIUS_MM)
        chosen = [scan for fold in judged for scan in fold.told(protocol, above_threshold=True)]
        at_threshold = froc(chosen, threshold=0.0, least_radius_mm=LEAST_RADIUS_MM, rates=(1.0,))
        both = both.model_copy(update={"at_threshold": at_threshold.at_threshold})
        report[name] = summary(both)
        report[name]["false_positives_by_scan"] = dict(at_threshold.false_positives_by_scan)
        _print(name, both)
        first = scans([chest for fold in folds for chest in of(fold, protocol)], None)
        detector = froc(first, least_radius_mm=LEAST_RADIUS_MM)
        report[name]["detector_alone"] = summary(detector)
        _print(f"{name}, detector alone", detector, strata=False)
        removed = _removed(pooled, first)
        report[name]["false_positive_removal"] = removed
        print("   false positives a scan at the same sensitivity, detector alone and both:", removed)
    groups = {path.stem: [fold] for path, fold in zip(options.folds, judged, strict=True)} | {"all": judged}
    if any(len(o["nodules"]) < len(c["nodules"]) for f in folds for c, o in zip(f, outlined(f), strict=True)):
        groups["all, what readers only pointed at held against"] = [
            replace(fold, chests=outlined(fold.chests)) for fold in judged
        ]
    report["at 4"] = {name: at_four(group) for name, group in groups.items()}
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
    for share in (0.7, 0.8, 0.9):
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
