"""Two synthetic lungs in any position and breath, for the tests of comparison."""

import numpy as np

from firstread.dicom.geometry import Geometry
from firstread.findings import Mask
from firstread.readers.lung_nodule.register import LungMasks

# In the prior's coordinates (LPS mm): centre and half axes of each lung, and of what dents both.
LUNGS = {
    "right": ((-75.0, 0.0, 0.0), (58.0, 85.0, 125.0)),
    "left": ((75.0, 5.0, 5.0), (52.0, 82.0, 120.0)),
}
HEART = ((25.0, -50.0, -50.0), (60.0, 55.0, 55.0))
NODULES = np.array(
    [(-100, 20, 60), (-60, -30, -40), (-80, 50, -80), (90, 10, 70), (80, 40, -60), (60, 0, 20.0)]
)


def affine(*, scale=(1.0, 1.0, 1.0), degrees=0.0, axis=2, shift=(0.0, 0.0, 0.0)):
    """A map from current to prior coordinates."""
    angle = np.radians(degrees)
    i, j = (a for a in range(3) if a != axis)
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = np.cos(angle)
    turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
    whole = np.eye(4)
    whole[:3, :3] = turn @ np.diag(scale)
    whole[:3, 3] = shift
    return whole


def lungs(to_prior, *, spacing=(3.5, 2.5, 2.5), sides=("right", "left"), reach=175.0):
    """The lungs as seen in current coordinates."""
    shape = tuple(int(2 * reach / s) for s in spacing)
    center = np.linalg.inv(to_prior)[:3, 3]
    geometry = Geometry.from_axes(
        shape=shape,
        origin_lps_mm=center - reach,
        slice_step_mm=(0, 0, spacing[0]),
        row_step_mm=(0, spacing[1], 0),
        column_step_mm=(spacing[2], 0, 0),
    )
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij"), axis=-1)
    points = geometry.to_lps(grid) @ to_prior[:3, :3].T + to_prior[:3, 3]
    outside_heart = _ellipsoid(points, *HEART) > 1
    masks = {side: Mask.crop((_ellipsoid(points, *LUNGS[side]) <= 1) & outside_heart) for side in sides}
    return LungMasks(geometry=geometry, masks=masks)


def cut(whole, *, first, last):
    """The lungs as a scan shows them that takes up slices `first` to `last` of the whole."""
    geometry = whole.geometry
    matrix = geometry.affine.copy()
    matrix[:3, 3] = geometry.to_lps((first, 0, 0))
    shown = Geometry(shape=(last - first, *geometry.shape[1:]), affine=matrix)
    masks = {side: Mask.crop(mask.paste(geometry.shape)[first:last]) for side, mask in whole.masks.items()}
    return LungMasks(geometry=shown, masks=masks)


def to_current(points, to_prior):
    back = np.linalg.inv(to_prior)
    return np.asarray(points) @ back[:3, :3].T + back[:3, 3]


def _ellipsoid(points, center, axes):
    return (((points - center) / axes) ** 2).sum(-1)
