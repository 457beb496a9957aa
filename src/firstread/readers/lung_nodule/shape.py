"""The form of an outlined nodule in fifteen numbers: how long, how round, how lobed, how spiky.

A mask is first brought to cubic voxels by interpolating signed distances between its slices (Raya and Udupa
1990), so that slice thickness and the steps of the mask matter little. All numbers but the first are free of
scale. Which of them say what is learned from readers' ratings: training/lung_nodule/train_attributes.py.
"""

from typing import cast

import cc3d
import cv2
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]

FEATURES = (
    "log_diameter",
    "elongation",
    "flatness",
    "sphericity",
    "solidity",
    "radial_spread",
    "radial_reach",
    "spikes",
    "branches",
    "concavity",
    "curvature",
    "slice_roundness",
    "slice_solidity",
    "slice_lobes",
    "slice_spikes",
)
"""Names of what `shape_features` returns, in its order; docs/concepts/attributes.md says what each is."""
STEP_MM = 0.5
"""Edge of the cubic voxels of a small nodule."""
MOST_ACROSS = 56
"""A large nodule has longer voxels, so that no edge of its box has more than these."""
SMOOTH_MM = 0.7
"""Blur of the signed distance: less than a reader's hand and the steps of a mask."""
CURVED_SHARE = 0.12
"""Curvature is looked at on this share of the radius: finer is noise of the outline."""
SPIKE_SHARE, BRANCH_SHARE = 0.35, 0.7
"""Radii of the openings that take spikes and branches off, as a share of the largest inner ball's."""
LOBES, SPIKES = slice(3, 7), slice(7, 21)
"""Waves around the largest slice that count as lobes and as spikes; 1 and 2 are place and length."""
_ANGLES, _RADII = 96, 96
_FLOOR = 0.01


def shape_features(voxels: Bools, spacing_mm: Spacing) -> npt.NDArray[np.float64]:
    """Describe the form of a mask.

    Args:
        voxels: Boolean array (z, y, x) with at least one voxel set.
        spacing_mm: Edge lengths of its voxels (z, y, x); mm.

    Returns:
        One number for each of `FEATURES`, all finite.

    Raises:
        ValueError: the mask is empty.
    """
    if not voxels.any():
        raise ValueError("an empty mask has no form")
    field, step = signed_distance(voxels, spacing_mm)
    body = field > 0
    hits = np.argwhere(body)
    radius = float((3 / (4 * np.pi) * len(hits)) ** (1 / 3))
    middle = hits.mean(0)
    surface, normals = _surface(field)
    area = float(surface.sum())
    on = surface > 0
    weights = surface[on] / area

    spread = np.cov(hits.T) if len(hits) > 3 else np.eye(3)
    axes = np.sqrt(np.linalg.eigvalsh(spread) + 1 / 12)
    away = np.linalg.norm(np.argwhere(on) - middle, axis=1)
    typical = float(weights @ away)
    bend = _curvature(field, normals, radius)[on]
    mean_bend = float(weights @ bend)
    numbers = (
        np.log(2 * radius * step),
        np.log(axes[2] / axes[1]),
        np.log(axes[1] / axes[0]),
        (36 * np.pi * len(hits) ** 2) ** (1 / 3) / area,
        _solidity(body),
        np.sqrt(weights @ np.square(away - typical)) / typical,
        np.log(away.max() / radius),
        _opened_away(body, SPIKE_SHARE),
        _opened_away(body, BRANCH_SHARE),
        float(weights @ (bend < 0)),
        np.sqrt(weights @ np.square(bend - mean_bend)),
        *_slice_features(field),
    )
    described: npt.NDArray[np.float64] = np.nan_to_num(np.array(numbers, float), posinf=0.0, neginf=0.0)
    return described


def signed_distance(voxels: Bools, spacing_mm: Spacing) -> tuple[Floats, float]:
    """Bring a mask to cubic voxels.

    Returns:
        The distance from its surface in voxels, positive inside, and the edge of a voxel in mm.
    """
    slice_mm, row_mm, column_mm = spacing_mm
    extent = max(n * mm for n, mm in zip(voxels.shape, spacing_mm, strict=True))
    step = max(STEP_MM, extent / MOST_ACROSS)
    margin = int(np.ceil(3 * step / min(row_mm, column_mm))) + 1
    planes = np.pad(voxels, ((0, 0), (margin, margin), (margin, margin)))
    half = (row_mm + column_mm) / 4
    distances = np.stack([_in_plane(plane, (row_mm, column_mm), half) for plane in planes])
    # The mask ends half a slice beyond its last slices.
    beyond = int(np.ceil(3 * step / slice_mm)) + 1
    first, last = -np.abs(distances[:1]), -np.abs(distances[-1:])
    falling = np.arange(beyond, dtype=np.float32)[:, None, None] * np.float32(slice_mm)
    distances = np.concatenate([(first - falling)[::-1], distances, last - falling])

    scale = np.array([step / mm for mm in spacing_mm])
    shape = np.floor((np.array(distances.shape) - 1) / scale).astype(int) + 1
    raised = ndimage.affine_transform(distances, scale, output_shape=tuple(shape), order=1, mode="nearest")
    if not (raised > 0).any():
        raised = raised - raised.max() + np.float32(step)
    body = cc3d.largest_k(raised > 0, k=1, connectivity=26) > 0
    field = edt.edt(body, black_border=False) - edt.edt(~body, black_border=False)
    smooth = ndimage.gaussian_filter(field, max(SMOOTH_MM / step, 1.0), truncate=3)
    # What is thinner than the blur would vanish or fall apart.
    kept = cc3d.largest_k(smooth > 0, k=1, connectivity=26) > 0
    if kept.sum() < 0.5 * body.sum():
        return field.astype(np.float32), float(step)
    return np.where(kept, smooth, -np.abs(smooth)).astype(np.float32), float(step)


def _in_plane(plane: Bools, spacing_mm: tuple[float, float], half_mm: float) -> Floats:
    inner = edt.edt(plane, anisotropy=spacing_mm, black_border=False)
    outer = edt.edt(~plane, anisotropy=spacing_mm, black_border=False)
    if not plane.any():
        outer = np.full(plane.shape, 10.0, np.float32)
    signed: Floats = np.where(plane, inner - half_mm, half_mm - outer).astype(np.float32)
    return signed


def _surface(field: Floats) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Return the area of surface in each voxel, and the gradient of the field."""
    gradient = cast(tuple[Floats, Floats, Floats], tuple(np.gradient(field)))
    share = np.clip(field / 2 + 0.5, 0, 1)
    steepness = np.sqrt(sum(np.square(part) for part in np.gradient(share)))
    return np.asarray(steepness, np.float32), gradient


def _curvature(field: Floats, gradient: tuple[Floats, Floats, Floats], radius: float) -> Floats:
    """Return the mean curvature times the radius: 1 on a ball, negative in a notch; within -3 to 5."""
    sigma = CURVED_SHARE * radius
    if sigma > 1:
        smooth = ndimage.gaussian_filter(field, np.sqrt(sigma**2 - 1), truncate=3)
        gradient = cast(tuple[Floats, Floats, Floats], tuple(np.gradient(smooth)))
    length = np.sqrt(sum(np.square(part) for part in gradient)) + np.float32(1e-6)
    bend = sum(np.gradient(part / length, axis=axis) for axis, part in enumerate(gradient))
    scaled: Floats = np.clip(-0.5 * radius * np.asarray(bend, np.float32), -3, 5)
    return scaled


def _solidity(body: Bools) -> float:
    """Return the share of the convex hull that is filled."""
    rim = np.argwhere(body & ~ndimage.binary_erosion(body))
    # A hull through voxels' centres leaves out half of each voxel at the surface.
    filled = float(body.sum()) - 0.5 * len(rim)
    try:
        return float(np.clip(filled / ConvexHull(rim).volume, 0, 1))
    except QhullError:
        return 1.0


def _opened_away(body: Bools, share: float) -> float:
    """Return the share of the body that a ball of this share of its inner radius cannot reach."""
    padded = np.pad(body, 1)
    depths = edt.edt(padded, black_border=False)
    reach = share * float(depths.max())
    reached = edt.edt(~(depths > reach), black_border=False) <= reach
    return 1 - float((padded & reached).sum()) / float(body.sum())


def _slice_features(field: Floats) -> tuple[float, float, float, float]:
    """Describe the largest axial slice: roundness, solidity, waves that are lobes, waves that are spikes."""
    plane = field[int((field > 0).sum((1, 2)).argmax())]
    inside = plane > 0
    area = float(inside.sum())
    share = np.clip(plane / 2 + 0.5, 0, 1)
    around = float(np.hypot(*np.gradient(share)).sum())
    y, x = np.argwhere(inside).mean(0)
    angles = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    furthest = float(np.linalg.norm(np.argwhere(inside) - (y, x), axis=1).max()) + 1.5
    radii = np.linspace(0, furthest, _RADII)
    rays = np.stack([y + np.sin(angles)[:, None] * radii, x + np.cos(angles)[:, None] * radii])
    seen = ndimage.map_coordinates(plane, rays, order=1, mode="nearest") > 0
    reach = radii[_RADII - 1 - seen[:, ::-1].argmax(1)] * seen.any(1)
    hull = cv2.convexHull(
        np.stack([np.cos(angles) * reach, np.sin(angles) * reach], -1).astype(np.float32)[:, None]
    )
    waves = np.abs(np.fft.rfft(reach)) * 2 / _ANGLES / max(float(reach.mean()), 1e-3)
    return (
        4 * np.pi * area / around**2,
        min(area / max(float(cv2.contourArea(hull)), 1.0), 1.2),
        float(np.log(_FLOOR + np.sqrt(np.square(waves[LOBES]).sum()))),
        float(np.log(_FLOOR + np.sqrt(np.square(waves[SPIKES]).sum()))),
    )
