"""Describe the form of every real shape: from the reader's contour, and from our outline of it inserted.

    python -m training.lung_nodule.attribute_features --shapes shapes.pkl --backgrounds DIR --out features.npz

What the product sees at run time is its own outline, which follows vessels and spicules less than a reader's hand.
So each shape is described twice: as drawn, and as the product outlines it in a chest. Ratings come along.
"""

import argparse
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firstread.readers.lung_nodule.attenuation import attenuation_of
from firstread.readers.lung_nodule.calcification import calcification_of
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.outline import outline_nodule
from firstread.readers.lung_nodule.shape import shape_features
from training.lung_nodule.backgrounds import load
from training.lung_nodule.inserted import Chest, Inserted
from training.lung_nodule.rendering import Protocol, random_protocol
from training.lung_nodule.scenes import is_held_out
from training.lung_nodule.shapes import GRID_MM, Shape

RATINGS = ("texture", "calcification", "lobulation", "spiculation", "malignancy")
JITTER_MM, JITTER_SHARE = 1.5, 0.2
"""How far off a detector's centre and diameter are."""
CONTOUR, OUTLINE = 0, 1
"""Where the form was taken from."""


@dataclass(frozen=True, eq=False)
class Table:
    """One row for each description of a shape.

    Attributes:
        form: Float array (n, features).
        source: CONTOUR or OUTLINE.
        shape: Which shape, as it was numbered in the file.
        patient: LIDC-IDRI patient.
        nodule: Which nodule of which scan.
        ratings: One column for each of `RATINGS`, of the reader who drew the shape.
        attenuation: What we call it; empty for contours.
        calcified: Whether we see calcium; False for contours.
        tissue_hu: Density that was inserted; nan for contours.
    """

    form: np.ndarray
    source: np.ndarray
    shape: np.ndarray
    patient: np.ndarray
    nodule: np.ndarray
    ratings: np.ndarray
    attenuation: np.ndarray
    calcified: np.ndarray
    tissue_hu: np.ndarray

    def part(self, rows: np.ndarray) -> "Table":
        """Return some of the rows."""
        return Table(**{name: column[rows] for name, column in vars(self).items()})

    def save(self, path: Path) -> None:
        """Write the table."""
        np.savez_compressed(path, **vars(self))

    @classmethod
    def read(cls, paths: Sequence[Path]) -> "Table":
        """Read one or more tables as one."""
        tables = []
        for path in paths:
            with np.load(path, allow_pickle=False) as stored:
                tables.append({name: stored[name] for name in stored.files})
        return cls(**{name: np.concatenate([t[name] for t in tables]) for name in tables[0]})


def seeded(one: Inserted, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return a centre (LPS, mm) and a diameter (mm) as far off as a detector's."""
    centre = np.array(one.truth.center_lps_mm) + rng.uniform(-JITTER_MM, JITTER_MM, 3)
    return centre, one.truth.diameter_mm.mean * (1 + rng.uniform(-JITTER_SHARE, JITTER_SHARE))


def from_contours(shapes: Sequence[tuple[int, Shape]]) -> list[tuple]:
    """Describe shapes as readers drew them."""
    spacing = (GRID_MM,) * 3
    return [
        (shape_features(shape.body, spacing), CONTOUR, number, shape, "", False, np.nan)
        for number, shape in shapes
    ]


def from_outlines(
    shapes: Sequence[tuple[int, Shape]], chests: Sequence[Chest], rng: np.random.Generator, *, tries: int = 4
) -> list[tuple]:
    """Insert each shape into a chest, outline it and describe the outline; shapes that never fit are left out."""
    rows = []
    for number, shape in shapes:
        for _ in range(tries):
            chest = chests[int(rng.integers(len(chests)))]
            protocol = random_protocol(rng) if rng.random() < 0.5 else Protocol()
            one = chest.insert(shape, rng, protocol)
            if one is None:
                continue
            centre, diameter = seeded(one, rng)
            mask = outline_nodule(one.volume, one.lungs, center_lps_mm=centre, diameter_mm=diameter)
            if mask is None:
                break
            if not 0.4 < measure_mask(one.volume, mask).volume_mm3 / one.volume_mm3 < 2.5:
                break  # of another thing: says nothing of this form
            facts = attenuation_of(one.volume, mask)
            form = shape_features(mask.voxels, one.volume.geometry.spacing_mm)
            calcified = calcification_of(one.volume, mask).present
            rows.append((form, OUTLINE, number, shape, facts.attenuation, calcified, one.lesion.tissue_hu))
            break
    return rows


def tabled(rows: Sequence[tuple]) -> Table:
    """Lay rows out as a table."""
    forms, sources, numbers, shapes, attenuations, calcified, tissue = zip(*rows, strict=True)
    return Table(
        form=np.array(forms, float),
        source=np.array(sources, np.int8),
        shape=np.array(numbers, int),
        patient=np.array([s.patient for s in shapes]),
        nodule=np.array([s.nodule for s in shapes]),
        ratings=np.array([[getattr(s, name) for name in RATINGS] for s in shapes], float),
        attenuation=np.array(attenuations, dtype="<U12"),
        calcified=np.array(calcified, bool),
        tissue_hu=np.array(tissue, float),
    )


def main() -> None:
    """Describe and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", type=Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--backgrounds", type=Path, help="folder of backgrounds; without it contours only")
    parser.add_argument(
        "--outlines", type=int, default=0, help="how many shapes to insert, held-out ones first"
    )
    parser.add_argument("--contours", type=int, default=10**9, help="how many shapes to describe as drawn")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    shapes = list(enumerate(pickle.loads(options.shapes.read_bytes())))  # written by prepare.py
    rng.shuffle(shapes)
    rows = from_contours(shapes[: options.contours])
    if options.outlines:
        chests = [Chest(load(path)) for path in sorted(options.backgrounds.glob("*.npz"))]
        # First those that figures are made of.
        shapes.sort(key=lambda item: not (is_held_out(item[1].patient) and item[1].readers >= 3))
        rows += from_outlines(shapes[: options.outlines], chests, rng)
    tabled(rows).save(options.out)
    print(f"{len(rows)} descriptions in {options.out}")


if __name__ == "__main__":
    main()
