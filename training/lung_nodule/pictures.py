"""Show what the detector learns from: a sheet of augmented crops with their nodules ringed.

    python -m training.lung_nodule.pictures --scenes DIR --out crops.png

Green: must be found. Red: marked by too few readers, counts neither way.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.lung_nodule.crops import CropStore
from training.lung_nodule.scene_files import HIGH_HU, KNOWN_READERS, LOW_HU

ROWS, COLUMNS, SCALE, EDGE = 3, 5, 3, 96


def sheet(store: CropStore) -> npt.NDArray[np.uint8]:
    """Return a picture (BGR) of crops, each at its first nodule's slice, or its middle."""
    images, _, nodules, _ = store.batch(ROWS * COLUMNS, edge=EDGE)
    tiles = []
    for image, rows in zip(images[:, 0].numpy(), nodules, strict=True):
        known = rows[rows[:, 3] > 0]
        known = known[np.argsort(-known[:, 4], kind="stable")]
        level = int(np.clip(known[0, 0] if len(known) else EDGE / 2, 0, EDGE - 1))
        grey = np.clip((image[level] - LOW_HU) / (HIGH_HU - LOW_HU) * 255, 0, 255).astype(np.uint8)
        large = cv2.resize(grey, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        tile = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
        for z, y, x, diameter, readers in known:
            if abs(z - level) <= diameter / 2:
                centre = (round(float(x + 0.5) * SCALE), round(float(y + 0.5) * SCALE))
                colour = (0, 200, 0) if readers >= KNOWN_READERS else (0, 0, 220)
                cv2.circle(tile, centre, round(float(diameter) / 2 * SCALE) + 3, colour, 1)
        tiles.append(np.pad(tile, ((1, 1), (1, 1), (0, 0))))
    rows_of = [np.hstack(tiles[n : n + COLUMNS]) for n in range(0, len(tiles), COLUMNS)]
    return np.asarray(np.vstack(rows_of), np.uint8)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    cv2.imwrite(str(options.out), sheet(CropStore(options.scenes, seed=0)))


if __name__ == "__main__":
    main()
