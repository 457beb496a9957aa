"""How far inserted nodules stand out from the lung, beside real ones that readers rated alike.

    python -m training.lung_nodule.contrast --backgrounds FILE… --shapes FILE

Contrast is the mean HU inside a reader's outline less the mean of the rest of the outline's box, in the slice where the
outline is largest: what DePaul University published for 809 nodules of LIDC-IDRI that four readers rated
(`LIDC_REU2015.csv`). Their outlines hold the first voxel outside the nodule and lie one pixel off, up and left: on
two nodules of lidc-0005 that reading gives their figures to the digit (367.7 inside and 237.9 around, 490.3 and 209.4,
of HU + 1024), no other does. So the contrast is well below what a lesion adds to the lung; both sides are measured so.

`REAL` holds the quartiles of the rows 1 to 200 and 406 to 613 of that file, without calcified nodules and boxes that
hold much chest wall or air outside (mean around outside `AROUND_HU`); a row counts once for every reader's rating.
"""

import argparse
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.lung_nodule.backgrounds import Background, load
from training.lung_nodule.scenes import Scene, ShapeStore, make_scene
from training.lung_nodule.shapes import Shape

PIXEL_MM = 0.7
"""In-plane, of most scans of LIDC."""
AROUND_HU = (-950.0, -680.0)
CLASSES_MM = ((5.0, 10.0), (10.0, 20.0))
"""Of the outline's diameter: of the disc of its area."""


@dataclass(frozen=True)
class Quartiles:
    """Of the contrast in HU; `count` nodules of four readers (one nodule may have several ratings)."""

    count: int
    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:4.0f} {self.middle:4.0f} {self.high:4.0f} (n {self.count})"


REAL = {
    (1, 0): Quartiles(13, 113, 129, 219),
    (1, 1): Quartiles(10, 96, 122, 152),
    (2, 0): Quartiles(12, 134, 176, 233),
    (3, 0): Quartiles(22, 184, 221, 287),
    (3, 1): Quartiles(12, 243, 284, 317),
    (4, 0): Quartiles(56, 246, 323, 383),
    (4, 1): Quartiles(33, 334, 382, 523),
    (5, 0): Quartiles(124, 262, 321, 389),
    (5, 1): Quartiles(74, 385, 444, 552),
}
"""By rating of texture (1 ground glass … 5 solid) and class of diameter; fewer than five nodules are not told."""


@dataclass(frozen=True)
class Outlined:
    """A nodule as a reader's outline shows it: diameter of the outline (mm), mean HU inside and around."""

    diameter_mm: float
    inside_hu: float
    around_hu: float

    @property
    def contrast_hu(self) -> float:
        """How far it stands out."""
        return self.inside_hu - self.around_hu


def outlined(hu: npt.NDArray[np.int16], body: npt.NDArray[np.bool_]) -> Outlined:
    """Measure a nodule as the published features do.

    Args:
        hu: A piece of a chest, cubic 1 mm voxels (z, y, x), with room around the nodule.
        body: What of it is the nodule.
    """
    z = int(body.sum((1, 2)).argmax())
    plane = ndimage.zoom(hu[z].astype(float), 1 / PIXEL_MM, order=1)
    body_there = ndimage.zoom(body[z].astype(float), 1 / PIXEL_MM, order=1) > 0.5
    outline = np.roll(ndimage.binary_dilation(body_there, np.ones((3, 3))), (-1, -1), (0, 1))
    rows, columns = np.nonzero(outline)
    around = np.zeros_like(outline)
    around[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    around &= ~outline
    return Outlined(
        diameter_mm=float(2 * np.sqrt(outline.sum() / np.pi) * PIXEL_MM),
        inside_hu=float(plane[outline].mean()),
        around_hu=float(plane[around].mean()) if around.any() else np.nan,
    )


def of_scene(scene: Scene) -> list[Outlined]:
    """Measure the inserted nodules of a scene."""
    told = []
    for number, nodule in enumerate(scene.nodules, start=1):
        if not nodule.inserted:
            continue
        reach = int(nodule.long_mm / 2 + 8)
        box = tuple(slice(max(round(c) - reach, 0), round(c) + reach) for c in nodule.centre)
        told.append(outlined(scene.hu[box], scene.cover[box] == number))
    return told


class OneRating(ShapeStore):
    """The held-out nodules of one rating that all four readers outlined, each as likely."""

    def __init__(self, shapes: Sequence[Shape], rating: int) -> None:
        fit = [s for s in shapes if s.texture == rating and s.readers == 4 and 3 <= s.diameter_mm <= 30]
        super().__init__(fit, held_out=True)

    def draw_as_found(self, rng: np.random.Generator) -> tuple[Shape, float]:
        """Return one of them, unscaled."""
        return self._shapes[int(rng.integers(len(self._shapes)))], 1.0


def inserted(
    backgrounds: Sequence[Background], shapes: Sequence[Shape], rating: int, *, scenes: int, nodules: int = 40
) -> dict[int, Quartiles]:
    """Insert nodules of a rating into chests as they were acquired; return their contrast by class of diameter."""
    store = OneRating(shapes, rating)
    told = [
        one
        for number, background in enumerate(backgrounds)
        for n in range(scenes)
        for one in of_scene(
            make_scene(
                background, store, np.random.default_rng([7, rating, number, n]),
                nodules=nodules, distractors=0, as_acquired=True,
            )
        )
        if AROUND_HU[0] < one.around_hu < AROUND_HU[1]
    ]  # fmt: skip
    classes = {}
    for number, (least, most) in enumerate(CLASSES_MM):
        contrasts = [one.contrast_hu for one in told if least <= one.diameter_mm < most]
        if len(contrasts) >= 5:
            classes[number] = Quartiles(len(contrasts), *np.percentile(contrasts, (25, 50, 75)))
    return classes


def main() -> None:
    """Print real and inserted quartiles side by side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backgrounds", type=Path, nargs="+", required=True)
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=2, help="a background and rating")
    options = parser.parse_args()
    # The project's own cache of `shapes.py`, made on this machine a step earlier.
    shapes = pickle.loads(options.shapes.read_bytes())
    backgrounds = [load(path) for path in options.backgrounds]
    for rating in sorted({rating for rating, _ in REAL}):
        found = inserted(backgrounds, shapes, rating, scenes=options.scenes)
        for number, (least, most) in enumerate(CLASSES_MM):
            real, made = REAL.get((rating, number), "too few"), found.get(number, "too few")
            words = f"texture {rating}, outline {least:g} to {most:g} mm: real {real}, inserted {made}"
            print(words, flush=True)


if __name__ == "__main__":
    main()
