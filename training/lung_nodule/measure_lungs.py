"""Compare the lung network, by the production code, with the classical labels on chests that it was not trained on.

    python -m training.lung_nodule.measure_lungs --scans DIR --models work/fold-a lidc-0005 lidc-0006 lidc-0007

Prints for each scan the Dice of each lung on the whole scan and on the axial slices that were looked at, and what
the lungs hold of every nodule that a reader marked: its centre, and the share of the ellipsoid of its box. With
`--drawn N` and `--shapes` each chest falls ill N times as in training, with masses of patients that no network learned
from, and the Dice against the unchanged truth and the share of what was drawn inside the mask are measured. `--join
FILE...` reads what other runs wrote with `--json` and prints means with 95 % intervals by scan (Student's t).
"""

import argparse
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Engine, Network
from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid, resample, sample
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT, segment_lungs
from training.lung_nodule.backgrounds import TRUTH_MM, classical_lungs, read_scan
from training.lung_nodule.disease import VOXEL_MM, Patient, mass_bodies
from training.lung_nodule.lungs import lung_labels

RIMS_MM = (0.0, 3.0, 6.0, 9.0, 12.0, 18.0)
"""How far beyond the mask nodules are looked for, to tell how far detection has to look."""
LOOKED_AT = 16
"""Axial slices of each scan whose classical labels were looked at one by one, evenly spaced over the lungs."""
_CHANGED_HU = 150.0
Mask = npt.NDArray[np.bool_]


def dice(truth: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Return the Dice of the right and of the left lung; 1 where both are empty."""
    both = []
    for side in (RIGHT, LEFT):
        size = int((truth == side).sum()) + int((found == side).sum())
        both.append(2 * int(((truth == side) & (found == side)).sum()) / size if size else 1.0)
    return both[0], both[1]


def same_nodule(rows: list[dict[str, Any]]) -> list[int]:
    """Number the readers' marks of a scan so that those of one nodule share a number."""
    groups: list[int] = []
    for n, row in enumerate(rows):
        groups.append(n)
        for k in range(n):
            away = np.linalg.norm(np.subtract(row["center_lps_mm"], rows[k]["center_lps_mm"]))
            if away < max(row["long_diameter_mm"], rows[k]["long_diameter_mm"], 8) / 2:
                groups[n] = groups[k]
                break
    return groups


def marks_inside(rows: list[dict[str, Any]], lungs: Mask, grid: Geometry) -> list[dict[str, Any]]:
    """Say of each mark how many readers marked the nodule and what the mask, widened by each rim, holds of it.

    Args:
        rows: Readers' marks of `annotations.json`.
        lungs: Mask on `grid`, cubic voxels.
        grid: Where the mask lies.
    """
    beyond_mm = ndimage.distance_transform_edt(~lungs) * grid.spacing_mm[0]
    groups = same_nodule(rows)
    told = []
    for row, group in zip(rows, groups, strict=True):
        centre = grid.to_index(row["center_lps_mm"])
        voxel = tuple(np.clip(np.rint(centre).astype(int), 0, np.array(grid.shape) - 1))
        radii = np.maximum(np.array(row["size_mm"])[::-1] / 2 / grid.spacing_mm[0], 0.5)
        index = np.ogrid[tuple(slice(0, n) for n in grid.shape)]
        ball = sum(((g - c) / r) ** 2 for g, c, r in zip(index, centre, radii, strict=True)) <= 1
        ball[voxel] = True
        told.append(
            {
                "nodule": group,
                "readers": groups.count(group),
                "long_diameter_mm": row["long_diameter_mm"],
                "centre_beyond_mm": round(float(beyond_mm[voxel]), 1),
                "share_inside": {str(r): round(float((beyond_mm[ball] <= r).mean()), 3) for r in RIMS_MM},
            }
        )
    return told


def measured(folder: Path, network: Network) -> dict[str, Any]:
    """Segment one scan and compare it with the classical labels."""
    volume, _ = read_scan(folder)
    lungs = segment_lungs(volume, network)
    truth, fine = classical_lungs(volume)
    found = labels_on(lungs.labels, volume.geometry, fine)
    held = np.flatnonzero((truth > 0).any((1, 2)))
    slices = np.linspace(held[0], held[-1], LOOKED_AT + 2).round().astype(int)[1:-1]
    annotations = folder / "annotations.json"
    rows = json.loads(annotations.read_text())["readers_annotations"] if annotations.exists() else []
    right, left = dice(truth, found)
    right_slices, left_slices = dice(truth[slices], found[slices])
    return {
        "scan": folder.name,
        "right": round(right, 4),
        "left": round(left, 4),
        "right_slices": round(right_slices, 4),
        "left_slices": round(left_slices, 4),
        "marks": marks_inside(rows, lungs.coarse > 0, lungs.grid),
    }


def with_disease(folder: Path, network: Network, shapes: Path, *, count: int) -> list[dict[str, Any]]:
    """Draw disease into one scan `count` times; return the Dice and the share of the disease inside the mask."""
    volume, _ = read_scan(folder)
    fine = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=TRUTH_MM)
    hu = resample(volume, fine, smooth=True)
    grid = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=VOXEL_MM)
    truth = labels_on(lung_labels(hu, spacing_mm=TRUTH_MM), fine, grid)
    healthy = sample(hu, fine, grid).astype(np.float32)
    masses = mass_bodies(pickle.loads(shapes.read_bytes()), held_out=True)
    told = []
    for number in range(count):
        ill = healthy.copy()
        Patient(ill, truth, masses, np.random.default_rng((4711, number))).fall_ill()
        chest = Volume(hu=ill.astype(np.int16), geometry=grid, sources=(), headers=())
        found = labels_on(segment_lungs(chest, network).labels, grid, grid)
        changed = (ill - healthy > _CHANGED_HU) & (truth > 0)
        right, left = dice(truth, found)
        inside = float((found[changed] > 0).mean()) if changed.any() else None
        told.append({"right": right, "left": left, "changed_ml": changed.sum() * 0.027, "inside": inside})
    return told


def joined(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means and 95 % intervals by scan, and what the masks hold of the readers' marks."""
    summary: dict[str, Any] = {"scans": len(rows)}
    for name in ("right", "left", "right_slices", "left_slices"):
        values = np.array([row[name] for row in rows])
        entry: dict[str, Any] = {"mean": round(float(values.mean()), 4), "least": float(values.min())}
        if len(values) > 1:
            half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
            entry["interval"] = [round(float(values.mean() - half), 4), round(float(values.mean() + half), 4)]
        summary[name] = entry
    marks = [mark for row in rows for mark in row["marks"]]
    for name, kept in (("marks", marks), ("marks_of_3_readers", [m for m in marks if m["readers"] >= 3])):
        if kept:
            summary[name] = {
                "n": len(kept),
                "centre_inside": {
                    r: sum(m["centre_beyond_mm"] <= float(r) for m in kept) for r in map(str, RIMS_MM)
                },
                "mean_share_inside": {
                    str(r): round(float(np.mean([m["share_inside"][str(r)] for m in kept])), 4)
                    for r in RIMS_MM
                },
                "least_share_inside": {str(r): min(m["share_inside"][str(r)] for m in kept) for r in RIMS_MM},
            }
    drawn = [case for row in rows for case in row.get("drawn", [])]
    if drawn:
        shares = [case["inside"] for case in drawn if case["inside"] is not None]
        summary["drawn"] = {
            "cases": len(drawn),
            "right": round(float(np.mean([case["right"] for case in drawn])), 4),
            "left": round(float(np.mean([case["left"] for case in drawn])), 4),
            "disease_inside_mean": round(float(np.mean(shares)), 4),
            "disease_inside_tenth_percentile": round(float(np.percentile(shares, 10)), 4),
        }
    return summary


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="folders of --scans")
    parser.add_argument("--scans", type=Path)
    parser.add_argument(
        "--models", type=Path, help="a folder with the package to measure; default: the shipped one"
    )
    parser.add_argument("--precision", choices=("f32", "int8"), default="f32")
    parser.add_argument("--drawn", type=int, default=0, help="how often each chest falls ill")
    parser.add_argument("--shapes", type=Path, help="shapes.pkl of prepare.py, for --drawn")
    parser.add_argument("--json", type=Path, help="write what was measured")
    parser.add_argument("--join", type=Path, nargs="*", default=[], help="files of earlier runs")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = [
        row for path in options.join for row in json.loads(path.read_text())["scans"]
    ]
    with Engine(precision=options.precision, models=[options.models] if options.models else []) as engine:
        network = engine.network("lung_nodule_lungs") if options.names else None
        for name in options.names:
            row = measured(options.scans / name, network)
            if options.drawn:
                row["drawn"] = with_disease(
                    options.scans / name, network, options.shapes, count=options.drawn
                )
            rows.append(row)
            print(
                json.dumps({key: value for key, value in row.items() if key not in ("marks", "drawn")}),
                flush=True,
            )
    summary = joined(rows)
    print(json.dumps(summary, indent=1))
    if options.json:
        options.json.write_text(json.dumps({"summary": summary, "scans": rows}, indent=1, default=float))


if __name__ == "__main__":
    main()
