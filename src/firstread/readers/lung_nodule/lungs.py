"""Where the lungs are: the segmentation network on a coarse grid, and its labels on the volume's own grid."""

from dataclasses import dataclass

import cc3d
import fill_voids
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Network, run_tiled
from firstread.errors import RefusedInput
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.grid import extent_lps_mm, reading_grid, resample
from firstread.readers.lung_nodule.smooth_labels import on_volume

RIGHT, LEFT = 1, 2
"""Labels of the lungs."""
LEAST_VOLUME_ML = 150.0
"""Less is not the lungs of a chest CT: an infant's lungs are above, air in bowel is below."""
LEAST_HEIGHT_MM = 20.0
"""Less lung than this cannot be read: a nodule of 20 mm might be cut on both sides."""
_HALO = 16
_LEAST_PART = 0.03
"""Of a lung's volume: a separate piece that is smaller is not lung."""


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lungs of a volume.

    Attributes:
        labels: uint8 array on the volume's grid: 0 none, 1 right, 2 left.
        coarse: The same on `grid`, the network's.
        grid: Patient-aligned cubic voxels.
    """

    labels: npt.NDArray[np.uint8]
    coarse: npt.NDArray[np.uint8]
    grid: Geometry

    def box_lps_mm(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the lowest and highest (x, y, z) of the lungs' voxels; mm."""
        hit = np.argwhere(self.coarse > 0)
        return self.grid.to_lps(hit.min(0)), self.grid.to_lps(hit.max(0))


def segment_lungs(volume: Volume, network: Network, *, progress: Progress = silent) -> Lungs:
    """Label the lungs of a volume, with disease inside kept in.

    Raises:
        RefusedInput: there are no lungs in it, or too little of them to read.
        Cancelled: raised by `progress`, passed on.
    """
    spacing_mm = network.package.manifest.input.spacing_mm[0]
    grid = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=spacing_mm)
    hu = resample(volume, grid, smooth=True)
    rows, columns = _body_box(hu)
    # Along z the network was trained on parts of chests as well; in the plane it wants the body.
    logits = run_tiled(
        network,
        hu[:, rows, columns],
        halo=_HALO,
        outputs={"lungs": 1},
        keep={"lungs": _most_likely},
        stage="segment",
        progress=progress,
    )
    coarse = np.zeros(hu.shape, np.uint8)
    coarse[:, rows, columns] = cleaned(logits["lungs"][0])
    _refuse_without_lungs(coarse, spacing_mm)
    return Lungs(labels=on_volume(coarse, grid, volume.geometry), coarse=coarse, grid=grid)


def _most_likely(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the label of the greatest logit [3, z, y, x] as [1, z, y, x], the first of equals, as argmax does.

    Which takes longer: of three values in places far apart.
    """
    none, right, left = logits
    labels: npt.NDArray[np.uint8] = (right > none).astype(np.uint8)
    labels[left > np.maximum(none, right)] = LEFT
    return labels[None]


def _body_box(hu: npt.NDArray[np.int16]) -> tuple[slice, slice]:
    dense = (hu > -300).sum(0) > 0.04 * hu.shape[0]
    rows, columns = np.flatnonzero(dense.any(1)), np.flatnonzero(dense.any(0))
    if not rows.size:
        return slice(0, hu.shape[1]), slice(0, hu.shape[2])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def cleaned(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Keep what hangs together as lung, holes filled."""
    cleaned = np.zeros_like(labels)
    for side, box in zip((RIGHT, LEFT), ndimage.find_objects(labels, max_label=LEFT), strict=True):
        if box is None:
            continue
        parts, count = cc3d.connected_components(labels[box] == side, connectivity=6, return_N=True)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        sizes[0] = 0
        lung = fill_voids.fill((sizes > _LEAST_PART * sizes.sum())[parts])
        cleaned[box][lung & (cleaned[box] == 0)] = side
    return cleaned


def _refuse_without_lungs(coarse: npt.NDArray[np.uint8], spacing_mm: float) -> None:
    volume_ml = float((coarse > 0).sum()) * spacing_mm**3 / 1000
    height_mm = float((coarse > 0).any((1, 2)).sum()) * spacing_mm
    if height_mm and height_mm < LEAST_HEIGHT_MM:
        raise RefusedInput(
            f"The series shows {height_mm:.0f} mm of lung; at least {LEAST_HEIGHT_MM:.0f} mm are needed.",
            remedy="Send the series that covers the chest.",
        )
    if volume_ml < LEAST_VOLUME_ML:
        raise RefusedInput(
            f"This is not a chest CT that can be read: {volume_ml:.0f} mL of lung were found.",
            remedy="Send a CT series of the chest; `firstread info PATH` shows what the input holds.",
        )
