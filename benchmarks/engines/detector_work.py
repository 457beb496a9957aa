"""What a RetinaNet has to compute for a study: the lungs' voxels, our windows, and the windows that MONAI slides."""

from dataclasses import dataclass

import numpy as np
from monai.data.utils import dense_patch_slices
from monai.inferers.utils import _get_scan_interval

from benchmarks.engines.bundle_files import OVERLAP, STEPS
from benchmarks.engines.cases import Case
from benchmarks.engines.operations import work_of
from firstread.dicom.geometry import Geometry
from firstread.engine import ModelPackage, plan_tiles
from firstread.readers.lung_nodule.detect import near_lungs
from firstread.readers.lung_nodule.grid import labels_on
from firstread.readers.lung_nodule.lungs import Lungs
from firstread.readers.lung_nodule.retinanet import window_grid

Triple = tuple[int, int, int]
_TERA = 1e12


@dataclass(frozen=True)
class Setting:
    """What is run, real or quick.

    Attributes:
        backbone: Call of MONAI's resnet function.
        spacing_mm: Of the network, x, y, z.
        window: MONAI's, x, y, z.
        timed: The window that is timed for MONAI, x, y, z.
        patch: Ours, z, y, x.
    """

    backbone: str
    spacing_mm: tuple[float, float, float]
    window: Triple
    timed: Triple
    patch: Triple


def work(package: ModelPackage, lungs: Lungs, case: Case, setting: Setting) -> dict[str, float | int]:
    """Count operations (10^12; a multiply-add is two): of the lungs' voxels alone, of our windows, of MONAI's."""
    given, decoding = package.manifest.input, package.manifest.decoding
    a_voxel = work_of(package, "f32").operations / np.prod(given.patch)
    grid = window_grid(lungs, given)
    bare = labels_on((lungs.coarse > 0).astype(np.uint8), lungs.grid, grid) > 0
    tiles = plan_tiles(
        grid.shape,
        tile=given.patch,
        halo=decoding.halo,
        inside=near_lungs(lungs, grid),
        multiple=tuple(STEPS[::-1]),
    )
    whole = whole_scan(case.volume.geometry, setting)
    windows = monais_windows(whole, setting.window)
    return {
        "floor_tflop": float(bare.sum() * a_voxel / _TERA),
        "ours_windows": len(tiles),
        "ours_tflop": float(len(tiles) * np.prod(given.patch) * a_voxel / _TERA),
        "monai_windows": windows,
        "monai_tflop": float(windows * np.prod(setting.window) * a_voxel / _TERA),
    }


def whole_scan(geometry: Geometry, setting: Setting) -> Triple:
    """Return the voxels x, y, z of the whole scan on the network's spacing, padded as MONAI's detector does it."""
    z, y, x = (n * mm for n, mm in zip(geometry.shape, geometry.spacing_mm, strict=True))
    voxels = [round(length / mm) for length, mm in zip((x, y, z), setting.spacing_mm, strict=True)]
    padded = [-(-n // step) * step for n, step in zip(voxels, STEPS, strict=True)]
    return padded[0], padded[1], padded[2]


def monais_windows(size: Triple, window: Triple) -> int:
    """Return how many windows MONAI's inferer slides over a scan (x, y, z)."""
    whole = [max(n, w) for n, w in zip(size, window, strict=True)]
    steps = _get_scan_interval(whole, window, 3, (OVERLAP,) * 3)
    return len(dense_patch_slices(whole, window, steps))
