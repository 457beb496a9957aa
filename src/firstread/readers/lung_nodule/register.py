"""Where a place in one chest CT lies in another of the same patient: an affine map fitted to the lungs.

The first guess maps the boxes of the lungs onto each other; where the lungs' masks are known, their surfaces
are then fitted by iterated closest points (point to plane, trimmed, held near a similarity). Lungs breathe:
an affine map takes up position, rotation and depth of breath, and leaves some millimetres near the diaphragm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from firstread.dicom.geometry import Geometry
from firstread.findings import Mask, Structure
from firstread.findings.finding import Laterality, Point
from firstread.readers.lung_nodule.surface import Surface, extent, surface_of

Floats = npt.NDArray[np.float64]
Method = Literal["surfaces", "boxes", "none"]

ITERATIONS: Final = 40
SETTLED_MM: Final = 0.02
"""The fit ends when an iteration moves the surfaces by less."""
POINTS: Final = 1500
"""Surface points of each lung that are fitted."""
TRIMMED: Final = 0.15
"""Share of the worst pairs left out: vessels at the hilum, effusion, a diaphragm that bends."""
FACING: Final = 0.3
"""Least cosine between the normals of a pair."""
STIFFNESS: Final = 0.05
"""Weight that holds the linear part near a similarity, against the mean squared distance over 100 mm."""
SLIDING: Final = 0.05
"""Weight of the distance along the surface, against that across it."""

WIDEST_SCALE: Final = 1.35
"""Lungs that differ by more along an axis are not the same lungs, whole, at different breath."""
WORST_FIT_MM: Final = 6.0
"""Mean distance of the paired surfaces above which they are not the same lungs."""


@dataclass(frozen=True)
class LungMasks:
    """The lungs of one read, as masks on its grid."""

    geometry: Geometry
    masks: Mapping[Laterality, Mask]

    @classmethod
    def of(cls, structures: Sequence[Structure], geometry: Geometry) -> "LungMasks":
        """Take the lungs from a read's structures."""
        return cls(
            geometry=geometry,
            masks={
                s.laterality: s.mask for s in structures if s.laterality is not None and s.mask is not None
            },
        )


@dataclass(frozen=True, eq=False)
class Registration:
    """A map from the current study to the prior.

    Attributes:
        affine: 4×4, current LPS mm to prior LPS mm.
        method: What it rests on; `none` is the identity, for want of lungs.
        residual_mm: Mean distance of the paired surfaces; None without surfaces.
        plausible: The lungs fit each other as two breaths of one patient do.
    """

    affine: Floats = field(default_factory=lambda: np.eye(4))
    method: Method = "none"
    residual_mm: float | None = None
    plausible: bool = False

    def to_prior(self, lps_mm: npt.ArrayLike) -> Floats:
        """Map points (..., 3) of the current study into the prior."""
        return _apply(self.affine, np.asarray(lps_mm, float))

    def to_current(self, lps_mm: npt.ArrayLike) -> Floats:
        """Map points (..., 3) of the prior into the current study."""
        back = np.linalg.inv(self.affine).astype(np.float64)
        return _apply(back, np.asarray(lps_mm, float))


FARTHEST_MM: Final = 10_000.0
"""No coordinate of a CT is larger."""
SMALLEST_LUNG_MM: Final = 10.0

Box = tuple[Point, Point]
"""Centre and edge lengths along x, y, z; mm."""


def boxes_of(structures: Sequence[Structure], lungs: LungMasks | None) -> dict[Laterality, Box]:
    """Return the box of each lung, from its mask or from what the result stores of it."""
    boxes: dict[Laterality, Box] = {}
    for structure in structures:
        center, size, side = structure.center_lps_mm, structure.size_mm, structure.laterality
        if side is None or center is None or size is None:
            continue
        # A result file may hold any number: only what can be a lung takes part.
        if max(map(abs, center)) < FARTHEST_MM and SMALLEST_LUNG_MM < min(size) <= max(size) < FARTHEST_MM:
            boxes[side] = (center, size)
    if lungs is not None:
        for side, mask in lungs.masks.items():
            if mask.voxels.any():
                boxes[side] = extent(mask, lungs.geometry)
    return boxes


def register(
    current: Mapping[Laterality, Box],
    prior: Mapping[Laterality, Box],
    *,
    current_lungs: LungMasks | None = None,
    prior_lungs: LungMasks | None = None,
) -> Registration:
    """Fit the current lungs to the prior ones.

    Args:
        current: Boxes of the current lungs.
        prior: Boxes of the prior lungs.
        current_lungs: Masks of the current lungs; with `prior_lungs` the fit is refined on surfaces.
        prior_lungs: Masks of the prior lungs.
    """
    sides = sorted(current.keys() & prior.keys())
    if not sides:
        return Registration()
    affine = _from_boxes([current[side] for side in sides], [prior[side] for side in sides])
    if current_lungs is None or prior_lungs is None:
        return Registration(affine=affine, method="boxes", plausible=_like_breathing(affine))
    pairs = [
        (
            surface_of(current_lungs.masks[side], current_lungs.geometry),
            surface_of(prior_lungs.masks[side], prior_lungs.geometry),
        )
        for side in sides
        if side in current_lungs.masks and side in prior_lungs.masks
    ]
    pairs = [(moving, fixed) for moving, fixed in pairs if len(moving.points) and len(fixed.points)]
    if not pairs:
        return Registration(affine=affine, method="boxes", plausible=_like_breathing(affine))
    affine, residual = _closest_points(affine, pairs)
    plausible = _like_breathing(affine) and residual <= WORST_FIT_MM
    return Registration(affine=affine, method="surfaces", residual_mm=residual, plausible=plausible)


def _apply(affine: Floats, points: Floats) -> Floats:
    moved: Floats = points @ affine[:3, :3].T + affine[:3, 3]
    return moved


def _like_breathing(affine: Floats) -> bool:
    scales = np.linalg.svd(affine[:3, :3], compute_uv=False)
    return bool(scales.max() <= WIDEST_SCALE and scales.min() >= 1 / WIDEST_SCALE)


def _from_boxes(current: Sequence[Box], prior: Sequence[Box]) -> Floats:
    scale = np.mean([np.divide(then[1], now[1]) for now, then in zip(current, prior, strict=True)], axis=0)
    center_now = np.mean([box[0] for box in current], axis=0)
    center_then = np.mean([box[0] for box in prior], axis=0)
    affine = np.diag([*scale, 1.0])
    affine[:3, 3] = center_then - scale * center_now
    return affine


def _closest_points(affine: Floats, pairs: Sequence[tuple[Surface, Surface]]) -> tuple[Floats, float]:
    moving = [surface.thinned(POINTS) for surface, _ in pairs]
    trees = [cKDTree(fixed.points) for _, fixed in pairs]
    everything = np.concatenate([surface.points for surface in moving])
    origin = everything.mean(0)
    residual = float("inf")
    for _ in range(ITERATIONS):
        matched = [
            _pair(affine, surface, fixed, tree)
            for surface, (_, fixed), tree in zip(moving, pairs, trees, strict=True)
        ]
        source, target, normal = (np.concatenate(parts) for parts in zip(*matched, strict=True))
        if len(source) < 50:
            break
        residual = float(np.abs(((_apply(affine, source) - target) * normal).sum(1)).mean())
        renewed = _solve(affine, source, target, normal, origin)
        moved = np.linalg.norm(_apply(renewed, everything) - _apply(affine, everything), axis=1).mean()
        affine = renewed
        if moved < SETTLED_MM:
            break
    return affine, residual


def _pair(affine: Floats, moving: Surface, fixed: Surface, tree: cKDTree) -> tuple[Floats, Floats, Floats]:
    """Return (source points, their targets, the targets' normals), without the worst pairs."""
    found = tree.query(_apply(affine, moving.points))
    distance, nearest = np.asarray(found[0]), np.asarray(found[1])
    turned = moving.normals @ np.linalg.inv(affine[:3, :3])
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    facing = (turned * fixed.normals[nearest]).sum(1) > FACING
    kept = facing & (distance <= np.quantile(distance, 1 - TRIMMED))
    return moving.points[kept], fixed.points[nearest[kept]], fixed.normals[nearest[kept]]


def _solve(affine: Floats, source: Floats, target: Floats, normal: Floats, origin: Floats) -> Floats:
    """Solve the regularised least squares for the affine map; lengths in units of 100 mm."""
    unit = 100.0
    p = np.column_stack([(source - origin) / unit, np.ones(len(source))])
    q = (target - origin) / unit
    # Unknowns: the 3×4 map, row by row.
    across = (normal[:, :, None] * p[:, None, :]).reshape(len(p), 12)
    hessian = across.T @ across
    gradient = across.T @ (normal * q).sum(1)
    along = SLIDING**2 * (p.T @ p)
    for row in range(3):
        span = slice(4 * row, 4 * row + 4)
        hessian[span, span] += along
        gradient[span] += SLIDING**2 * (p.T @ q[:, row])
    held = STIFFNESS**2 * len(p)
    near = _nearest_similarity(affine[:3, :3])
    for row in range(3):
        for column in range(3):
            hessian[4 * row + column, 4 * row + column] += held
            gradient[4 * row + column] += held * near[row, column]
    solved = np.linalg.solve(hessian, gradient).reshape(3, 4)
    renewed = np.eye(4)
    renewed[:3, :3] = solved[:, :3]
    renewed[:3, 3] = solved[:, 3] * unit + origin - solved[:, :3] @ origin
    return renewed


def _nearest_similarity(linear: Floats) -> Floats:
    u, scales, v = np.linalg.svd(linear)
    rotation: Floats = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))]) @ v
    similarity: Floats = rotation * scales.mean()
    return similarity
