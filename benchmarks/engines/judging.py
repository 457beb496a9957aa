"""From the files that the ways wrote to figures: speed, memory, share of the host's peak, accuracy."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.accuracy import (
    Found,
    auc,
    found_of,
    labelled,
    mean_dice,
    near_lungs,
    to_be_found,
)
from benchmarks.engines.cases import Case, load_case
from benchmarks.engines.operations import Peak, work_of
from benchmarks.engines.outcome import PACKAGES, TASKS
from benchmarks.engines.running import Record
from benchmarks.engines.ways import WAYS, candidates_found
from firstread.engine import find_package

FIRST = "pytorch"
Figures = dict[str, dict[str, Any]]
"""By way."""


def speeds(records: Mapping[str, Mapping[str, Sequence[Record]]], task: str, peak: Peak) -> Figures:
    """Return times (seconds, medians), ratio to the first way, memory (MB) and share of the peak of a task."""
    figures: Figures = {}
    for way in WAYS:
        runs = records[way][task]
        total = statistics.median(run["total_s"] for run in runs)
        network = statistics.median(run["network_s"] for run in runs)
        work = work_of(find_package(PACKAGES[task]), runs[0]["precision"]).times(runs[0]["samples"])
        floor = peak.seconds(work)
        first = figures[FIRST]["seconds"] if figures else total
        figures[way] = {
            "seconds": total,
            "runs": [run["total_s"] for run in runs],
            "first_seconds": statistics.median(run["first_s"] for run in runs),
            "ratio": first / total,
            "network_seconds": network,
            "samples": runs[0]["samples"],
            "precision": runs[0]["precision"],
            "peak_mb": round(max(run["peak_bytes"] for run in runs) / 1e6),
            "gflop": work.operations / 1e9,
            "gflop_per_second": work.operations / network / 1e9,
            "floor_seconds": floor,
            "share_of_peak": floor / network,
            "bytes_seconds": peak.seconds_of_bytes(work),
            "notes": runs[0]["notes"],
        }
    return figures


def dices(scratch: Path, names: Sequence[str]) -> tuple[Figures, str]:
    """Return each way's Dice against the truth (mean over the cases) and against the first way; and on what."""
    cases = [load_case(scratch / name) for name in names]
    figures: Figures = {}
    for way in WAYS:
        labels = [_values(scratch, case, way, "lungs")["labels"] for case in cases]
        first = [_values(scratch, case, FIRST, "lungs")["labels"] for case in cases]
        truth = [mean_dice(found, case.lungs) for found, case in zip(labels, cases, strict=True)]
        figures[way] = {
            "dice": float(np.mean(truth)),
            "dice_by_case": dict(zip(names, truth, strict=True)),
            "dice_against_first": float(
                np.mean([mean_dice(a, b) for a, b in zip(labels, first, strict=True)])
            ),
        }
    told = "; ".join(f"{case.name}: {case.lungs_are}" for case in cases)
    return figures, f"n = {len(cases)}: {told}"


def sensitivities(scratch: Path, names: Sequence[str], threshold: float) -> tuple[Figures, str]:
    """Return each way's candidates against marked nodules and what the first way reports near the lungs; and on what.

    Args:
        scratch: Folder of the cases.
        names: Cases with every way's own candidates and their scores.
        threshold: Probability from which on the first way, in FP32, reports.
    """
    cases = [load_case(scratch / name) for name in names]
    asked, firsts, marked, own = [], [], 0, 0
    for case in cases:
        rows = candidates_found(scratch, case.name, FIRST)
        reported = rows[_values(scratch, case, FIRST, "removal")["probabilities"] >= threshold]
        nodules = to_be_found(case.nodules, near_lungs(reported, case.lungs, case.volume.geometry))
        asked.append(nodules)
        firsts.append(near_lungs(rows, case.lungs, case.volume.geometry))
        marked += len(case.nodules)
        own += len(nodules) - len(case.nodules)
    figures: Figures = {}
    for way in WAYS:
        candidates = [candidates_found(scratch, case.name, way) for case in cases]
        found = sum((found_of(c, n) for c, n in zip(candidates, asked, strict=True)), Found())
        again = sum(
            (found_of(c, to_be_found((), f)) for c, f in zip(candidates, firsts, strict=True)), Found()
        )
        figures[way] = {
            "sensitivity": found.sensitivity,
            **asdict(found),
            "candidates_of_first_found_again": again.sensitivity,
        }
    told = f"{marked} marked or drawn nodules, {own} others that the first way reports near the lungs"
    return figures, f"n = {marked + own} in {len(cases)}: {told}"


def aucs(scratch: Path, names: Sequence[str]) -> tuple[Figures, str]:
    """Return each way's AUC over firstread's candidates, and how far its probabilities are from the first way's."""
    cases = [load_case(scratch / name) for name in names]
    labels = np.concatenate(
        [labelled(candidates_found(scratch, c.name, "shipped"), c.nodules) for c in cases]
    )
    scores = {
        way: np.concatenate(
            [_values(scratch, case, way, "removal-shipped")["probabilities"] for case in cases]
        )
        for way in WAYS
    }
    figures: Figures = {}
    for way in WAYS:
        moved = np.abs(scores[way] - scores[FIRST])
        figures[way] = {
            "auc": auc(labels, scores[way]),
            "probability_moved_mean": float(moved.mean()) if moved.size else 0.0,
            "probability_moved_most": float(moved.max(initial=0.0)),
        }
    told = f"{(labels == 1).sum()} on nodules, {(labels == 0).sum()} on none, {(labels == -1).sum()} left out"
    return figures, f"n = {len(labels)} candidates in {len(cases)}: {told}"


def ratios(figures: Mapping[str, Figures], way: str) -> dict[str, float]:
    """Return a way's ratio to the first by task."""
    return {task: figures[task][way]["ratio"] for task in TASKS}


def _values(scratch: Path, case: Case, way: str, stem: str) -> dict[str, np.ndarray]:
    with np.load(scratch / case.name / way / f"{stem}.npz") as kept:
        return dict(kept)
