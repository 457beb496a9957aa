"""Placing a nodule's shape into a real CT so that it looks as if the scanner had seen it.

Physics of the composition: a voxel of lung is a mixture of air and tissue. A lesion replaces a fraction of
the air by tissue, so HU becomes ``hu + fraction · (tissue − hu)`` where that raises it. Vessels inside ground glass
stay visible because they are tissue already. The fraction is integrated over the scanner's point spread and
slice profile before it is applied, and noise of the local strength returns what mixing has smoothed.
"""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.lung_nodule.margin import Margin
from training.lung_nodule.shapes import GRID_MM, Shape

Float = npt.NDArray[np.float32]
_PLEURA_MM = 3.0


@dataclass(frozen=True)
class Lesion:
    """How dense a lesion is.

    Attributes:
        tissue_hu: HU of its tissue.
        fraction: Share of air that tissue has replaced, 0 to 1; 1 is solid.
        core_fraction: The same in the core of a part-solid lesion; None without a core.
        core_share: Diameter of the core as a share of the lesion's.
        margin: How it meets the lung; None for the reader's outline, filled evenly.
    """

    tissue_hu: float
    fraction: float
    core_fraction: float | None = None
    core_share: float = 0.0
    margin: Margin | None = None


def lesion_of(shape: Shape, rng: np.random.Generator) -> Lesion:
    """Draw densities that fit the readers' ratings of texture and calcification."""
    tissue = rng.normal(25, 30)
    if shape.calcification < 6 and shape.texture == 5 and rng.random() < 0.7:
        tissue = rng.uniform(150, 700)
    if shape.texture >= 5:
        return Lesion(tissue, rng.uniform(0.92, 1.0))
    if shape.texture == 4:
        return Lesion(tissue, rng.uniform(0.65, 0.95))
    if shape.texture in (2, 3):
        return Lesion(tissue, rng.uniform(0.2, 0.5), rng.uniform(0.8, 1.0), rng.uniform(0.25, 0.75))
    return Lesion(tissue, rng.uniform(0.16, 0.48))


def turned(shape: Shape, rng: np.random.Generator, *, scale: float = 1.0) -> npt.NDArray[np.bool_]:
    """Return the shape's body in a random orientation, scaled; grid of `GRID_MM`."""
    body = shape.body
    if rng.random() < 0.5:
        body = body[::-1]
    body = np.rot90(body, int(rng.integers(4)), (1, 2))
    if rng.random() < 0.5:
        body = body[:, :, ::-1]
    angle = rng.uniform(-20, 20)
    soft = ndimage.rotate(body.astype(np.float32), angle, axes=(1, 2), order=1, reshape=True)
    soft = ndimage.rotate(
        soft, rng.uniform(-25, 25), axes=(0, int(rng.integers(1, 3))), order=1, reshape=True
    )
    if scale != 1.0:
        soft = ndimage.zoom(soft, scale, order=1)
    solid: npt.NDArray[np.bool_] = np.pad(soft > 0.5, 2)
    return solid


def rendered_fraction(
    body: npt.NDArray[np.bool_], lesion: Lesion, centre: Float, extent: int, *, blur_mm: tuple[float, float]
) -> tuple[Float, Float]:
    """Render a body into a cube of 1 mm voxels.

    Args:
        body: Shape on the `GRID_MM` grid, from `turned`.
        lesion: Its densities and margin.
        centre: Where the body's centre comes to lie, in voxels (z, y, x) of the cube.
        extent: Edge of the cube in voxels.
        blur_mm: Standard deviations of the slice profile and of the in-plane point spread; mm.

    Returns:
        The tissue fraction as the scanner sees it, and the coverage (share of the voxel inside the outline).
    """
    margin = lesion.margin
    if margin is not None:
        body = margin.roughened(np.pad(body, 2))
        body = np.pad(body, int(np.ceil(margin.reach_mm / GRID_MM)))
    inside = edt.edt(body) * GRID_MM
    cover = np.clip(inside / GRID_MM, 0, 1).astype(np.float32)
    density = np.where(body, lesion.fraction, 0).astype(np.float32)
    if lesion.core_fraction is not None:
        depth = inside.max() * (1 - lesion.core_share)
        core = np.clip((inside - depth) / 0.8 + 0.5, 0, 1)
        density = np.maximum(density, lesion.core_fraction * core).astype(np.float32)
    # Ground glass fades at its border; a solid nodule hardly does.
    fade = 1.2 if lesion.fraction < 0.6 else 0.5
    density *= np.clip(inside / fade, 0.35, 1)
    if margin is not None:
        density = margin.drawn(density, body)
    sigma = [max(blur_mm[0], 0.45) / GRID_MM, *[max(blur_mm[1], 0.45) / GRID_MM] * 2]
    pad = [int(3 * s) + 1 for s in sigma]
    padding = [(p, p) for p in pad]
    density = ndimage.gaussian_filter(np.pad(density, padding), sigma)
    cover = ndimage.gaussian_filter(np.pad(cover, padding), 0.5)
    middle = (np.asarray(density.shape) - 1) / 2
    matrix = np.full(3, 1 / GRID_MM)
    offset = middle - centre / GRID_MM
    shape = (extent,) * 3
    fraction = ndimage.affine_transform(density, matrix, offset, output_shape=shape, order=1)
    coverage = ndimage.affine_transform(cover, matrix, offset, output_shape=shape, order=1)
    return fraction.astype(np.float32), coverage.astype(np.float32)


def room(lung: npt.NDArray[np.bool_]) -> Float:
    """Return where a lesion may be drawn, 0 to 1: the lung and what lies between its mask and the pleura.

    A mask on 2 mm voxels ends within the lung here and there; a lesion that ended with it would leave a dark seam.
    Beyond the pleura nothing changes: a lesion only raises what is less dense than itself.
    """
    wide = edt.edt(~lung) <= _PLEURA_MM
    return np.asarray(ndimage.gaussian_filter(wide.astype(np.float32), 0.6))


def compose(
    hu: Float, fraction: Float, tissue_hu: float, *, noise_hu: float, rng: np.random.Generator
) -> Float:
    """Return the CT with a lesion of the given tissue fraction in it (float HU, same shape)."""
    grain = ndimage.gaussian_filter(rng.standard_normal(hu.shape).astype(np.float32), 0.6)
    grain *= noise_hu / max(float(grain.std()), 1e-6)
    gain = np.maximum(tissue_hu - hu, 0) * fraction
    composed: Float = (hu + gain + grain * np.sqrt(np.clip(1 - (1 - fraction) ** 2, 0, 1))).astype(np.float32)
    return np.where(fraction > 0.01, composed, hu)


def local_noise_hu(hu: Float, lungs: npt.NDArray[np.bool_]) -> float:
    """Estimate the noise of lung parenchyma: robust deviation of the difference of neighbouring rows; HU."""
    difference = (hu[:, 1:] - hu[:, :-1])[lungs[:, 1:] & lungs[:, :-1] & (hu[:, 1:] < -700)]
    if difference.size < 50:
        return 15.0
    return float(np.median(np.abs(difference)) * 1.4826 / np.sqrt(2))


def distractor(rng: np.random.Generator, extent: int) -> Float:
    """Draw a tissue fraction that is no nodule: a tube, a fork of tubes or a plate; cube of 1 mm voxels.

    Composited in the same way as nodules, they keep a network from learning the traces of composition.
    """
    z, y, x = np.mgrid[:extent, :extent, :extent].astype(np.float32)
    points = np.stack([z, y, x], -1)
    start = rng.uniform(0.25, 0.75, 3) * extent
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    kind = rng.choice(["tube", "fork", "plate"], p=[0.4, 0.35, 0.25])
    if kind == "plate":
        distance = np.abs((points - start) @ direction.astype(np.float32))
        within = np.linalg.norm(points - start, axis=-1) < rng.uniform(8, 22)
        return (np.clip(rng.uniform(0.5, 1.3) - distance + 0.5, 0, 1) * within).astype(np.float32)
    fraction = _tube(points, start, direction, rng.uniform(0.8, 3.2), rng.uniform(15, 60))
    if kind == "fork":
        for _ in range(int(rng.integers(1, 3))):
            branch = direction + rng.normal(scale=0.6, size=3)
            branch /= np.linalg.norm(branch)
            arm = _tube(points, start, branch, rng.uniform(0.8, 2.4), rng.uniform(15, 40), one_way=True)
            fraction = np.maximum(fraction, arm)
    return fraction


def _tube(
    points: Float,
    start: npt.NDArray[np.float64],
    direction: npt.NDArray[np.float64],
    radius: float,
    length: float,
    *,
    one_way: bool = False,
) -> Float:
    relative = points - start.astype(np.float32)
    along = relative @ direction.astype(np.float32)
    # A slight bend: straight lines do not occur in lungs.
    bend = direction[[1, 2, 0]] * 0.01
    relative = relative - (along**2)[..., None] * bend.astype(np.float32)
    across = np.linalg.norm(relative - along[..., None] * direction.astype(np.float32), axis=-1)
    taper = radius * np.clip(1 - np.abs(along) / length * 0.5, 0.4, 1)
    inside = np.clip(taper - across + 0.5, 0, 1) * np.clip(length / 2 - np.abs(along), 0, 1)
    return (inside * (along > -1) if one_way else inside).astype(np.float32)
