"""Read the annotated LIDC scans and compare the findings with what the four readers marked.

Prints, for each scan, which nodules of three or four readers were found, the findings that no reader marked,
and how diameters agree; then the totals. Needs the shared scans (FIRSTREAD_TEST_DATA); says so where they are
absent. Which of these scans the networks were trained on stands in their model cards.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from firstread.dicom.discover import open_study
from firstread.engine import Engine
from firstread.findings import ReadResult
from firstread.readers.lung_nodule import LungNoduleReader

ROOT = Path(__file__).resolve().parent.parent


def grouped(rows: list[dict]) -> list[list[dict]]:
    """Merge the readers' annotations that lie in one another into nodules."""
    groups: list[list[dict]] = []
    for row in rows:
        for group in groups:
            away = np.linalg.norm(np.subtract(group[0]["center_lps_mm"], row["center_lps_mm"]))
            if away < max(group[0]["long_diameter_mm"], row["long_diameter_mm"]) / 2 + 1:
                group.append(row)
                break
        else:
            groups.append([row])
    return groups


def compared(result: ReadResult, groups: list[list[dict]]) -> tuple[list[dict], int]:
    """Return a row for each marked nodule, and the number of findings that no reader marked."""
    rows, used = [], set()
    for group in groups:
        centre = np.mean([row["center_lps_mm"] for row in group], 0)
        long = float(np.mean([row["long_diameter_mm"] for row in group]))
        means = [float(np.mean(row["size_mm"][:2])) for row in group]
        hits = [
            (float(np.linalg.norm(np.subtract(f.center_lps_mm, centre))), f)
            for f in result.findings
            if np.linalg.norm(np.subtract(f.center_lps_mm, centre)) <= max(long / 2, 2)
        ]
        found = min(hits, key=lambda hit: hit[0])[1] if hits else None
        used |= {hit[1].id for hit in hits}
        rows.append(
            {
                "readers": len(group),
                "readers_mm": [round(min(means), 1), round(max(means), 1)],
                "texture": float(np.median([row["texture"] for row in group])),
                "found": found.id if found else None,
                "mean_mm": found.diameter_mm.mean if found and found.diameter_mm else None,
                "attenuation": found.attenuation if found else None,
                "probability": found.probability if found else None,
            }
        )
    return rows, len([f for f in result.findings if f.id not in used])


def main() -> None:
    """Read the scans and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precision", choices=("auto", "f32", "int8"), default="auto")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "lidc_nodules.json")
    options = parser.parse_args()
    shared = Path(os.environ.get("FIRSTREAD_TEST_DATA") or ROOT.parent / "shared" / "data") / "ct"
    scans = sorted(path.parent for path in shared.glob("*/annotations.json"))
    if not scans:
        sys.exit("The annotated scans are not here; name their folder with FIRSTREAD_TEST_DATA.")
    report = []
    with Engine(precision=options.precision) as engine:
        for scan in scans:
            result = LungNoduleReader().read(open_study(scan), engine)
            groups = grouped(json.loads((scan / "annotations.json").read_text())["readers_annotations"])
            rows, others = compared(result, groups)
            report.append(
                {"scan": scan.name, "nodules": rows, "unmarked": others, "findings": len(result.findings)}
            )
            print(f"{scan.name}: {len(result.findings)} findings, {others} that no reader marked")
            for row in rows:
                told = (
                    f"{row['mean_mm']:.1f} mm {row['attenuation']}, p {row['probability']:.2f}"
                    if row["found"]
                    else "-"
                )
                print(
                    f"   {row['readers']} readers, {row['readers_mm'][0]:.1f} to {row['readers_mm'][1]:.1f} mm,"
                    f" texture {row['texture']:g}: {row['found'] or 'MISSED'} {told}"
                )
        models = [use.model_dump() for use in result.models]
    consensus = [row for scan in report for row in scan["nodules"] if row["readers"] >= 3]
    hit = sum(row["found"] is not None for row in consensus)
    unmarked = [scan["unmarked"] for scan in report]
    print(f"Nodules of three or four readers found: {hit} of {len(consensus)}.")
    print(
        f"Findings a scan that no reader marked: {np.mean(unmarked):.1f} ({min(unmarked)} to {max(unmarked)})."
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps({"scans": report, "models": models}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
