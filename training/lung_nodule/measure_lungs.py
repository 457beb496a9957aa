"""Compare the lung network with the classical labels on chests that it was not trained on.

    python -m training.lung_nodule.measure_lungs --scans DIR lidc-0006 lidc-0007

Prints the Dice of each lung and the share of each annotated nodule's outline box centre inside the mask. The classical
labels were checked by eye; they are no radiologist's.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from firstread.engine import Engine
from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid, resample
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT, segment_lungs
from training.lung_nodule.backgrounds import TRUTH_MM, read_scan
from training.lung_nodule.lungs import lung_labels


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", help="folders of --scans")
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--precision", choices=("f32", "int8"), default="f32")
    options = parser.parse_args()
    with Engine(precision=options.precision) as engine:
        network = engine.network("lung_nodule_lungs")
        for name in options.names:
            volume, _ = read_scan(options.scans / name)
            lungs = segment_lungs(volume, network)
            fine = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=TRUTH_MM)
            truth = lung_labels(resample(volume, fine, smooth=True), spacing_mm=TRUTH_MM)
            found = labels_on(lungs.labels, volume.geometry, fine)
            dice = [
                2
                * ((truth == side) & (found == side)).sum()
                / ((truth == side).sum() + (found == side).sum())
                for side in (RIGHT, LEFT)
            ]
            annotations = options.scans / name / "annotations.json"
            rows = json.loads(annotations.read_text())["readers_annotations"] if annotations.exists() else []
            inside = 0
            for row in rows:
                k, j, i = np.rint(volume.geometry.to_index(row["center_lps_mm"])).astype(int)
                inside += int(lungs.labels[k, j, i] > 0)
            print(
                f"{name}: Dice right {dice[0]:.4f}, left {dice[1]:.4f};"
                f" {inside} of {len(rows)} annotated centres inside"
            )


if __name__ == "__main__":
    main()
