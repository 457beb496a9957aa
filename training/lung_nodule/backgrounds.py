"""The chests that nodules are placed into: real CTs and phantoms, on a 1 mm grid with lung labels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.choose import choose_series
from firstread.dicom.discover import open_study
from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.evaluation.annotations import read_annotations, read_excluded
from firstread.phantom import make_phantom
from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid, resample, sample
from training.lung_nodule.lungs import lung_labels

MARGIN_MM = 14
_ROOMY_VOXELS = 4e6
TRUTH_MM = 2.0
"""Grid on which the classical lung labels are made."""
SOLID = 5.0
"""LIDC's rating of texture; what nobody rated counts as solid."""


@dataclass(frozen=True)
class Marked:
    """A real nodule: centre in voxels (z, y, x), diameter in mm, number of readers who marked it.

    With 0 readers it is a place that readers pointed at without outlining it: below 3 mm, or no nodule to them.
    """

    centre: tuple[float, float, float]
    diameter_mm: float
    readers: int
    texture: float


@dataclass(frozen=True, eq=False)
class Background:
    """A chest on cubic 1 mm voxels, cropped to the lungs with a margin.

    Attributes:
        name: Folder of the scan, or phantom-SEED.
        hu: int16 array (z, y, x), feet to head, front to back, right to left.
        lungs: uint8 labels on the same grid: 1 right, 2 left.
        slice_mm: Slice thickness of the source: how far a lesion is blurred along z.
        marked: Nodules that readers marked; empty for phantoms and unannotated scans.
    """

    name: str
    hu: npt.NDArray[np.int16]
    lungs: npt.NDArray[np.uint8]
    slice_mm: float
    marked: tuple[Marked, ...]

    @property
    def roominess(self) -> float:
        """How much it can hold, as a share of a whole adult chest; at most 1."""
        return float(min(1.0, (self.lungs > 0).sum() / _ROOMY_VOXELS))


def read_scan(folder: Path) -> tuple[Volume, float]:
    """Return a scan's volume and its slice thickness in mm."""
    study = open_study(folder)
    volume = study.volume(choose_series(study).series)
    thickness = float(volume.header.get("SliceThickness") or volume.geometry.spacing_mm[0])
    return volume, thickness


def classical_lungs(volume: Volume) -> tuple[npt.NDArray[np.uint8], Geometry]:
    """Label a volume's lungs without a network; return the labels (1 right, 2 left) and their grid of `TRUTH_MM`."""
    grid = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=TRUTH_MM)
    return lung_labels(resample(volume, grid, smooth=True), spacing_mm=TRUTH_MM), grid


def scan_background(folder: Path, *, excluded: Path | None = None) -> Background:
    """Build the background of a real scan; `annotations.json` beside the slices is used where it exists.

    Args:
        folder: Of the scan's DICOM files.
        excluded: LUNA16's annotations_excluded.csv: what readers pointed at, besides.
    """
    volume, thickness = read_scan(folder)
    labels, coarse = classical_lungs(volume)
    grid = _lung_box(labels, coarse)
    hu = np.maximum(resample(volume, grid), -1024).astype(np.int16)
    marked = tuple(_on(grid, mark) for mark in marked_nodules(folder, excluded=excluded))
    return Background(folder.name, hu, labels_on(labels, coarse, grid), thickness, marked)


def phantom_background(seed: int, *, crop: int | None = None) -> Background:
    """Build the background of a phantom without nodules.

    Args:
        seed: Of the phantom.
        crop: Keep its middle, so many voxels wide, of coarser pixels: to try the path.
    """
    rng = np.random.default_rng(seed)
    slice_mm = float(rng.choice([1.0, 1.25, 2.0]))
    pixel_mm, matrix = (1.4, 256) if crop else (0.7, 512)
    phantom = make_phantom(seed=seed, spacing_mm=(slice_mm, pixel_mm, pixel_mm), matrix=matrix, nodules=[])
    coarse = reading_grid(*extent_lps_mm(phantom.geometry), spacing_mm=TRUTH_MM)
    labels = labels_on(phantom.lungs, phantom.geometry, coarse)
    grid = _lung_box(labels, coarse)
    hu = sample(phantom.hu, phantom.geometry, grid)
    lungs = labels_on(phantom.lungs, phantom.geometry, grid)
    if crop:
        box = tuple(slice(max((n - crop) // 2, 0), (n + crop) // 2) for n in hu.shape)
        hu, lungs = hu[box], lungs[box]
    return Background(f"phantom-{seed}", hu, lungs, slice_mm, ())


def save(background: Background, folder: Path) -> Path:
    """Write a background for later runs; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{background.name}.npz"
    marked = [[*m.centre, m.diameter_mm, m.readers, m.texture] for m in background.marked]
    np.savez(
        path,
        hu=background.hu,
        lungs=background.lungs,
        slice_mm=background.slice_mm,
        marked=np.array(marked, float).reshape(-1, 6),
    )
    return path


def load(path: Path) -> Background:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        marked = tuple(Marked((r[0], r[1], r[2]), r[3], int(r[4]), r[5]) for r in stored["marked"].tolist())
        return Background(path.stem, stored["hu"], stored["lungs"], float(stored["slice_mm"]), marked)


def _lung_box(labels: npt.NDArray[np.uint8], grid: Geometry) -> Geometry:
    hit = np.argwhere(labels > 0)
    lower = grid.to_lps(hit.min(0))[[0, 1, 2]] - MARGIN_MM
    upper = grid.to_lps(hit.max(0))[[0, 1, 2]] + MARGIN_MM
    return reading_grid(lower, upper, spacing_mm=1.0)


def marked_nodules(folder: Path, *, excluded: Path | None = None) -> tuple[Marked, ...]:
    """Return what readers marked in a scan; centres are LPS (x, y, z; mm).

    Annotations of `annotations.json` that overlap are one nodule. Places of `excluded` (see `scan_background`) follow,
    with 0 readers.
    """
    annotations = folder / "annotations.json"
    if not annotations.exists():
        return ()
    truth = read_annotations(annotations)
    places = read_excluded(excluded).get(truth.series_uid or "", ()) if excluded else ()
    return (
        *(
            Marked(
                nodule.center_lps_mm,
                nodule.diameter_mm,
                4 if nodule.readers is None else nodule.readers,
                float(np.median([mark.ratings.get("texture", SOLID) for mark in nodule.marks])),
            )
            for nodule in truth.nodules
        ),
        *(Marked(centre, diameter_mm, 0, SOLID) for centre, diameter_mm in places),
    )


def _on(grid: Geometry, mark: Marked) -> Marked:
    """Return a mark with its centre in voxels of a grid."""
    z, y, x = (float(c) for c in grid.to_index(mark.centre))
    return replace(mark, centre=(z, y, x))


def depth_mm(lungs: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return each lung voxel's distance to its lung's surface; mm, on the 1 mm grid."""
    half = ndimage.distance_transform_edt(lungs[::2, ::2, ::2] > 0).astype(np.float32) * 2
    depth = np.repeat(np.repeat(np.repeat(half, 2, 0), 2, 1), 2, 2)
    return depth[: lungs.shape[0], : lungs.shape[1], : lungs.shape[2]]
