"""A RetinaNet as the detector: its windows over the lungs, its boxes as candidates."""

import math

import numpy as np

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Input, Network, RetinaNet, run_tiled
from firstread.engine.tiling import AIR_HU
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.boxes import Boxes, Triple, boxes_of
from firstread.readers.lung_nodule.detect import MARGIN_MM, Candidate, near_lungs
from firstread.readers.lung_nodule.grid import reading_grid, resample
from firstread.readers.lung_nodule.lungs import Lungs

_NOTHING = -20.0


def detect_boxes(
    volume: Volume, lungs: Lungs, network: Network, decoding: RetinaNet, *, progress: Progress = silent
) -> tuple[Candidate, ...]:
    """Return candidates in or near the lungs, most likely first.

    Args:
        volume: The series.
        lungs: Its lungs.
        network: The detection network.
        decoding: What its package says of its maps.
        progress: Called with the stage "detect"; may raise Cancelled.
    """
    grid = window_grid(lungs, network.package.manifest.input)
    inside = near_lungs(lungs, grid)
    outputs = strides_of(network, decoding)
    fill = dict.fromkeys(outputs, 0.0)
    fill |= {level.classification: _NOTHING for level in decoding.levels}
    window_hu = network.package.manifest.input.window_hu
    maps = run_tiled(
        network,
        resample(volume, grid),
        halo=decoding.halo,
        outputs=outputs,
        inside=inside,
        fill=fill,
        pad_value=window_hu[0] if window_hu else AIR_HU,
        stage="detect",
        progress=progress,
    )
    boxes = boxes_of(maps, decoding, outputs, grid.shape)
    voxels = np.clip(np.rint(boxes.centres).astype(int), 0, np.asarray(grid.shape) - 1)
    return candidates_of(boxes[inside[tuple(voxels.T)]], grid)


def window_grid(lungs: Lungs, given: Input) -> Geometry:
    """Return the network's grid over the lungs; never smaller than a window, which so sees anatomy and no padding."""
    lower, upper = lungs.box_lps_mm()
    lower, upper = lower - MARGIN_MM, upper + MARGIN_MM
    # From the first voxel's centre to the last one's; a grid of one voxel more would be two windows.
    window_mm = ((np.asarray(given.patch) - 1 - 1e-6) * given.spacing_mm)[::-1]
    missing = np.maximum(window_mm - (upper - lower), 0) / 2
    return reading_grid(lower - missing, upper + missing, spacing_mm=given.spacing_mm)


def strides_of(network: Network, decoding: RetinaNet) -> dict[str, Triple]:
    """Return the strides (z, y, x) of the outputs that the decoding names."""
    outputs = network.package.manifest.outputs
    names = [name for level in decoding.levels for name in (level.classification, level.regression)]
    return {name: strides for name in names if (strides := outputs[name].strides) is not None}


def candidates_of(boxes: Boxes, grid: Geometry) -> tuple[Candidate, ...]:
    """Return boxes as places in the patient; the diameter is the edge of a cube as large as the box."""
    edges_mm = (boxes.upper - boxes.lower) * grid.spacing_mm
    return tuple(
        Candidate(
            center_lps_mm=(float(x), float(y), float(z)),
            diameter_mm=math.prod(map(float, edges)) ** (1 / 3),
            logit=float(logit),
        )
        for (x, y, z), edges, logit in zip(grid.to_lps(boxes.centres), edges_mm, boxes.logits, strict=True)
    )
