"""Compare outlines and diameters with what the readers of the shared LIDC scans drew.

The seeds are the annotated centres, moved by up to 3 mm, with diameters wrong by up to 30 %: what is
measured is the measurement, not the detection. The lungs are the classical labels of training/.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # training/ is not installed

from firstread.dicom.choose import choose_series  # noqa: E402
from firstread.dicom.discover import open_study  # noqa: E402
from firstread.dicom.load import load_volume  # noqa: E402
from firstread.readers.lung_nodule.attenuation import attenuation_of  # noqa: E402
from firstread.readers.lung_nodule.grid import labels_on  # noqa: E402
from firstread.readers.lung_nodule.measure import measure_mask  # noqa: E402
from firstread.readers.lung_nodule.outline import outline_nodule  # noqa: E402
from training.lung_nodule.backgrounds import classical_lungs  # noqa: E402
from training.lung_nodule.measure_outlines import grouped  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results"
SEEDS = 9
TOLERANCE = 0.25
"""How far outside the readers' range a diameter may lie."""


def main() -> None:
    """Run the comparison, print it as a table, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULTS / "measurement.json", help="file to write")
    options = parser.parse_args()
    data = Path(os.environ.get("FIRSTREAD_TEST_DATA") or ROOT.parent / "shared" / "data") / "ct"
    scans = sorted(data.glob("lidc-*"))
    if not scans:
        print("Skipped: no LIDC scan here; name the folder of the data with FIRSTREAD_TEST_DATA.")
        return
    nodules = [row for scan in scans for row in measure_scan(scan)]
    print_table(nodules)
    report = {"machine": platform.processor() or platform.machine(), "seeds": SEEDS, "nodules": nodules}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def measure_scan(folder: Path) -> list[dict[str, Any]]:
    """Measure every annotated nodule of one scan from several seeds."""
    annotations = json.loads((folder / "annotations.json").read_text())["readers_annotations"]
    volume = load_volume(choose_series(open_study(folder)).series)
    labels, grid = classical_lungs(volume)
    lungs = labels_on(labels, grid, volume.geometry)
    random = np.random.default_rng(0)
    rows = []
    for number, readers in enumerate(grouped(annotations), start=1):
        center = np.mean([r["center_lps_mm"] for r in readers], axis=0)
        long = [r["long_diameter_mm"] for r in readers]
        volumes = [r["volume_mm3"] for r in readers]
        found, milliseconds = [], []
        for seed in range(SEEDS):
            away = random.normal(size=3)
            away *= (3.0 * random.uniform() if seed else 0.0) / np.linalg.norm(away)
            estimate = float(np.mean(long)) * (random.uniform(0.7, 1.3) if seed else 1.0)
            start = perf_counter()
            mask = outline_nodule(volume, lungs, center_lps_mm=center + away, diameter_mm=estimate)
            milliseconds.append(1000 * (perf_counter() - start))
            if mask is not None:
                found.append((measure_mask(volume, mask), attenuation_of(volume, mask).attenuation))
        low, high = min(long) * (1 - TOLERANCE), max(long) * (1 + TOLERANCE)
        measured = [m.diameter_mm.long for m, _ in found]
        rows.append(
            {
                "nodule": f"{folder.name} {number}",
                "readers": len(readers),
                "texture": float(np.median([r["texture"] for r in readers])),
                "readers_long_mm": [min(long), max(long)],
                "readers_volume_mm3": [min(volumes), max(volumes)],
                "long_mm": [min(measured, default=0.0), max(measured, default=0.0)],
                "mean_mm": round(float(np.median([m.diameter_mm.mean for m, _ in found])), 1),
                "volume_mm3": round(float(np.median([m.volume_mm3 for m, _ in found]))),
                "volume_ratio": round(
                    float(np.median([m.volume_mm3 for m, _ in found]) / np.median(volumes)), 2
                ),
                "attenuation": max({a for _, a in found}, key=[a for _, a in found].count),
                "within": round(sum(low <= value <= high for value in measured) / SEEDS, 2),
                "ms": round(float(np.median(milliseconds))),
            }
        )
    return rows


def print_table(nodules: list[dict[str, Any]]) -> None:
    """Print one line a nodule and the agreement over those of three or four readers."""
    print(
        f"| nodule | readers | texture | long axis, readers | long axis, {SEEDS} seeds | mean diameter |",
        end="",
    )
    print(" volume / readers' median | attenuation | seeds within 25 % | ms |")
    print("| --- " * 10 + "|")
    for n in nodules:
        one, two = n["readers_long_mm"], n["long_mm"]
        print(
            f"| {n['nodule']} | {n['readers']} | {n['texture']:.1f} | {one[0]:.1f} to {one[1]:.1f} "
            f"| {two[0]:.1f} to {two[1]:.1f} | {n['mean_mm']:.1f} | {n['volume_ratio']:.2f} "
            f"| {n['attenuation']} | {n['within']:.0%} | {n['ms']} |"
        )
    agreed = [n for n in nodules if n["readers"] >= 3]
    ratios = [n["volume_ratio"] for n in agreed]
    print(
        f"\n{len(agreed)} nodules of three or four readers: "
        f"{np.mean([n['within'] for n in agreed]):.0%} of seeds within 25 % of the readers' range; "
        f"volume {np.median(ratios):.2f} of the readers' median (median)."
    )


if __name__ == "__main__":
    main()
