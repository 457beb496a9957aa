"""Show the strongest false positives on real scans, to be looked at: is it one?

    python -m training.lung_nodule.alarms --scored FILE… --scans DIR --out alarms.png

One row a scan, the strongest first, each in three planes through its centre, 48 mm wide. What no reader outlined counts
as false; but LIDC's readers outlined no nodule below 3 mm. What they only pointed at is left out where the scores know
LUNA16's list of it (`score.py --excluded`).
The pictures are of patients: they stay where the scans are.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.readers.lung_nodule.grid import reading_grid, resample
from training.lung_nodule.backgrounds import read_scan
from training.lung_nodule.joined import REAL, Chest, of, reach
from training.lung_nodule.scene_files import HIGH_HU, LOW_HU

EDGE_MM, SCALE = 48, 3


def alarms(chest: Chest, count: int) -> npt.NDArray[np.float64]:
    """Return the detector's strongest candidates on no mark at all: x, y, z (mm) and both logits [n, 5]."""
    rows = np.asarray(chest["candidates"], float).reshape(-1, 5)
    for nodule in chest["nodules"]:
        rows = rows[np.linalg.norm(rows[:, :3] - nodule["center_lps_mm"], axis=1) > reach(nodule)]
    return np.asarray(rows[np.argsort(-rows[:, 3], kind="stable")][:count])


def planes(volume: Volume, center_lps_mm: npt.NDArray[np.float64], words: str) -> npt.NDArray[np.uint8]:
    """Return the axial, coronal and sagittal plane through a place, side by side, with words on them."""
    half = (EDGE_MM - 1) / 2
    hu = resample(volume, reading_grid(center_lps_mm - half, center_lps_mm + half - 1e-6, spacing_mm=1.0))
    grey = np.clip((hu.astype(float) - LOW_HU) / (HIGH_HU - LOW_HU) * 255, 0, 255).astype(np.uint8)
    z, y, x = (n // 2 for n in grey.shape)
    shown = np.hstack([grey[z], grey[::-1, y], grey[::-1, :, x]])
    large = cv2.resize(shown, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    cv2.putText(large, words, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255)
    return np.asarray(np.pad(large, 2), np.uint8)


def sheet(chests: Sequence[Chest], scans: Path, *, count: int) -> npt.NDArray[np.uint8]:
    """Return the picture: a row a chest."""
    rows = []
    for chest in chests:
        volume, _ = read_scan(scans / chest["name"])
        tiles = [
            planes(volume, place[:3], f"{chest['name']} {place[3]:.1f} {place[4]:.1f}")
            for place in alarms(chest, count)
        ]
        tiles += [np.zeros_like(tiles[0])] * (count - len(tiles))
        rows.append(np.hstack(tiles))
    return np.asarray(np.vstack(rows), np.uint8)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scored", type=Path, nargs="+", required=True, help="what score.py wrote")
    parser.add_argument("--scans", type=Path, required=True, help="folder of DICOM folders")
    parser.add_argument("--count", type=int, default=5, help="of a scan")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    chests = [chest for path in options.scored for chest in of(json.loads(path.read_text()), REAL)]
    cv2.imwrite(str(options.out), sheet(chests, options.scans, count=options.count))


if __name__ == "__main__":
    main()
