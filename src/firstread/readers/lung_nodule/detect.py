"""Where nodules may be: the detection network over the lungs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Network, run_tiled
from firstread.engine.tile import Triple
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.grid import labels_on, reading_grid, resample
from firstread.readers.lung_nodule.lungs import Lungs

STRIDE = 4
"""Voxels of the input a cell of the heat map."""
MOST_CANDIDATES = 120
"""More candidates than any chest has nodules; the least likely are dropped."""
MARGIN_MM = 12.0
"""Seen around the lungs' box."""
_TRIMMED_MM = 4.0
"""Of the margin at the far end, where the network would otherwise see a whole step of voxels more for it."""
_RIM_MM = 18.0
_HALO = 16
_NOTHING = -20.0
_LEAST_MM, _MOST_MM = 2.0, 90.0


@dataclass(frozen=True)
class Candidate:
    """A place that may be a nodule.

    Attributes:
        center_lps_mm: (x, y, z), mm.
        diameter_mm: As the network sees it.
        logit: The detector's score before the sigmoid.
    """

    center_lps_mm: tuple[float, float, float]
    diameter_mm: float
    logit: float


def detect(
    volume: Volume, lungs: Lungs, network: Network, *, least_logit: float, progress: Progress = silent
) -> tuple[Candidate, ...]:
    """Return candidates inside the lungs, most likely first.

    Args:
        volume: The series.
        lungs: Its lungs.
        network: The detection network; cubic voxels.
        least_logit: Candidates below this are dropped.
        progress: Called with the stage "detect"; may raise Cancelled.
    """
    given = network.package.manifest.input
    lower, upper = lungs.box_lps_mm()
    grid = reading_grid(lower - MARGIN_MM, upper + MARGIN_MM, spacing_mm=given.spacing_mm[0])
    grid = trimmed(grid, given.multiple or (1, 1, 1))
    hu = resample(volume, grid)
    inside = near_lungs(lungs, grid)
    found = run_tiled(
        network,
        hu,
        halo=_HALO,
        outputs={"heat": STRIDE, "size": STRIDE, "shift": STRIDE},
        inside=inside,
        fill={"heat": _NOTHING, "size": 0.0, "shift": 0.0},
        stage="detect",
        progress=progress,
    )
    return peaks(found, grid, inside, least_logit=least_logit)


def trimmed(grid: Geometry, multiple: Triple) -> Geometry:
    """Return a grid without the few voxels at its far ends that fill no step of the network; where it begins stays."""
    kept = []
    for length, step, spacing_mm in zip(grid.shape, multiple, grid.spacing_mm, strict=True):
        odd = length % step
        kept.append(slice(0, length - odd if odd * spacing_mm <= _TRIMMED_MM and odd < length else length))
    return grid.cropped((kept[0], kept[1], kept[2]))


def near_lungs(lungs: Lungs, grid: Geometry) -> npt.NDArray[np.bool_]:
    """Return where a nodule's centre may lie, on a grid: a nodule on the pleura is outside the mask by its own half."""
    reach = max(round(_RIM_MM / lungs.grid.spacing_mm[0]), 1)
    return labels_on(_grown(lungs.coarse > 0, reach).view(np.uint8), lungs.grid, grid).view(np.bool_)


def _grown(mask: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """Return a mask with every voxel that lies at most `reach` steps along the axes from it."""
    for _ in range(reach):
        grown = mask.copy()
        for axis in range(mask.ndim):
            source, target = np.moveaxis(mask, axis, 0), np.moveaxis(grown, axis, 0)
            target[1:] |= source[:-1]
            target[:-1] |= source[1:]
        mask = grown
    return mask


def peaks(
    found: dict[str, npt.NDArray[np.float32]],
    grid: Geometry,
    inside: npt.NDArray[np.bool_],
    *,
    least_logit: float,
) -> tuple[Candidate, ...]:
    """Read candidates off the network's maps: local maxima, of which none lies in a likelier one.

    Args:
        found: `heat` [1, z, y, x], `size` [1, …] log mm, `shift` [3, …] in cells from the cell's first voxel.
        grid: Of the network's input.
        inside: Mask on that grid: centres elsewhere do not count.
        least_logit: Maxima below are dropped.
    """
    heat = found["heat"][0]
    summit = (heat >= least_logit) & (heat == ndimage.maximum_filter(heat, size=3, mode="nearest"))
    cells = np.argwhere(summit)
    order = np.argsort(-heat[tuple(cells.T)], kind="stable")
    cells = cells[order]
    shifts = found["shift"][(slice(None), *cells.T)].T
    centres = (cells + shifts) * STRIDE
    spacing_mm = grid.spacing_mm[0]
    diameters = np.clip(np.exp(found["size"][0][tuple(cells.T)]), _LEAST_MM, _MOST_MM)
    voxels = np.clip(np.rint(centres).astype(int), 0, np.asarray(grid.shape) - 1)
    kept: list[int] = []
    for index in np.flatnonzero(inside[tuple(voxels.T)]):
        away = [np.linalg.norm(centres[index] - centres[other]) * spacing_mm for other in kept]
        if all(d > max(diameters[index], diameters[k]) / 2 for d, k in zip(away, kept, strict=True)):
            kept.append(int(index))
        if len(kept) == MOST_CANDIDATES:
            break
    places = grid.to_lps(centres)
    logits = heat[tuple(cells.T)]
    return tuple(
        Candidate(
            center_lps_mm=(float(places[i][0]), float(places[i][1]), float(places[i][2])),
            diameter_mm=float(diameters[i]),
            logit=float(logits[i]),
        )
        for i in kept
    )
