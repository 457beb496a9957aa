"""Delineate one nodule at the series' own resolution, from a seed.

The work is done on a small patient-aligned cube of equal steps: an edge about half-way between nodule and
lung, the lung's smoothed boundary where the nodule leans on it, and an opening that takes vessels off. A
second, lower edge is tried for the halo of a subsolid nodule. The last step returns to the native grid.
"""

from dataclasses import dataclass

import cc3d
import edt
import fill_voids
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.findings import Mask
from firstread.readers.lung_nodule.grid import sample, slice_profile_mm
from firstread.readers.lung_nodule.surroundings import Surroundings, look_around

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

SIZES_MM = (3.0, 70.0)
"""Estimated diameters outside this range are taken as its end."""
TISSUE_HU = 50.0
"""Soft tissue; a brighter core (calcium, contrast) does not move the edge further in."""
EDGE = 0.4
"""Where the edge lies between lung (0) and core (1): a lung window shows it a little outside the middle."""
LEAST_CONTRAST_HU = 90.0
"""What is less dense than this over the lung around it is not outlined."""
SOLID_HU = -350.0
"""Above this a smoothed voxel is solid tissue, below it ground glass or partial volume."""
REACH = 0.85
"""No voxel lies further from the core than this many estimated diameters (and 2 mm)."""
RIM_MM = (1.2, 2.0)
"""Distance from the edge at which a ground-glass rim is looked for: beyond the scanner's blur, and further
off a large nodule than a small one, as spicules are longer there."""
HALO_HU = 110.0
"""A rim this much denser than lung is ground glass."""
LEAST_HAZY_MM = 5.0
"""Under this size a faint core is taken for partial volume of a solid nodule, not for ground glass."""
_SMOOTH_MM = 1.2
_BLUR_MM = 0.6
_GAP_MM = 2.5
_OPENINGS = ((0.55, 3.0), (0.7, 4.5), (0.85, 6.0))
"""Radii tried for taking vessels off: share of the nodule's inner radius, and at most mm."""


@dataclass(frozen=True, eq=False)
class ProbabilityPatch:
    """How likely each voxel is nodule, as a network says it.

    Attributes:
        values: float32 array, 0 to 1, on the grid of `geometry`.
        geometry: Where the patch lies.
    """

    values: npt.NDArray[np.float32]
    geometry: Geometry


def outline_nodule(
    volume: Volume,
    lungs: npt.NDArray[np.uint8],
    *,
    center_lps_mm: npt.ArrayLike,
    diameter_mm: float,
    probability: ProbabilityPatch | None = None,
) -> Mask | None:
    """Delineate the nodule at a seed.

    Args:
        volume: The series.
        lungs: uint8 labels on the volume's grid: 0 none, 1 right, 2 left.
        center_lps_mm: Somewhere in the nodule, or up to a few millimetres off it; (x, y, z), mm.
        diameter_mm: Its size as estimated, good to about a third; mm.
        probability: Limits the outline to where a network sees the nodule, and 1.5 mm around.

    Returns:
        The nodule's voxels on the native grid, holes filled; None when nothing stands out at the seed.
    """
    diameter_mm = float(np.clip(diameter_mm, *SIZES_MM))
    around = look_around(volume, lungs, center_lps_mm=center_lps_mm, diameter_mm=diameter_mm)
    allowed = around.inside
    if probability is not None:
        allowed = allowed & _likely(around, probability)
    core = _core(around, allowed, diameter_mm)
    if core is None:
        return None
    place, level = core
    edge_hu = around.lung_hu + EDGE * (level - around.lung_hu)
    tight = around.box(place, REACH * diameter_mm + 4.0)
    around, allowed = around.part(tight), allowed[tight]
    place = place - [span.start for span in tight]
    region, room = _region(around, allowed & (around.hu > edge_hu), place, diameter_mm)
    if _unmixed(around, region, place, level, slice_profile_mm(volume)) > SOLID_HU:
        haze_hu = _halo(around, allowed, region)
    else:
        haze_hu = _haze(around, allowed, place, diameter_mm)
    if haze_hu is not None and diameter_mm >= LEAST_HAZY_MM:
        wider = _hazy(around, allowed, haze_hu, place, diameter_mm)
        if wider.sum() > region.sum():
            return _native(volume, around, wider)
    return _native(volume, around, region, sharp=(room, edge_hu))


def _likely(around: Surroundings, patch: ProbabilityPatch) -> Bools:
    scaled = np.round(patch.values * 1000).astype(np.int16)
    likely = sample(scaled, patch.geometry, around.grid) > 300
    return around.depths_mm(~likely) <= 1.5


def _core(
    around: Surroundings, allowed: Bools, diameter_mm: float
) -> tuple[npt.NDArray[np.int64], float] | None:
    """Find the blob of about this size nearest to the seed: index of its middle and its attenuation."""
    reach = max(2.5, 0.3 * diameter_mm)
    near_box = around.box(around.seed, reach + 0.6 * diameter_mm + 2.0)
    around, allowed = around.part(near_box), allowed[near_box]
    away = around.distances_mm(around.seed)
    tissue = np.where(allowed, np.clip(around.hu, around.lung_hu, TISSUE_HU), np.float32(around.lung_hu))
    blobs = ndimage.gaussian_filter(tissue, max(0.2 * diameter_mm, 0.6) / around.step_mm, truncate=3)
    near = allowed & (away <= reach)
    if not near.any():
        return None
    contrast = blobs[near].max() - around.lung_hu
    score = np.where(near, blobs - 0.3 * contrast * np.square(away / reach), -np.inf)
    place = np.array(np.unravel_index(int(score.argmax()), score.shape))
    middle = allowed & (around.distances_mm(place) <= max(0.2 * diameter_mm, 1.2))
    level = min(float(np.percentile(around.hu[middle], 75)), TISSUE_HU)
    if level - around.lung_hu < LEAST_CONTRAST_HU:
        return None
    return place + [span.start for span in near_box], level


def _region(
    around: Surroundings, tissue: Bools, place: npt.NDArray[np.int64], diameter_mm: float
) -> tuple[Bools, Floats]:
    """Return the part of the tissue that is this nodule, and how far inside its limits each voxel is (mm).

    Vessels are cut off by an opening, wider where a narrow one leaks; a ball holds back what still leaks.
    """
    depths = around.depths_mm(tissue)
    away = around.distances_mm(place)
    reach = REACH * diameter_mm + 2.0
    best = np.where(away <= 0.3 * diameter_mm + 1.0, depths - 0.3 * away, -np.inf)
    middle = np.unravel_index(int(best.argmax()), best.shape)
    radius = float(depths[middle])
    if radius <= 0:
        return np.zeros(tissue.shape, bool), np.full(tissue.shape, -1, np.float32)
    ball = reach - around.distances_mm(middle)
    for share, most_mm in _OPENINGS:
        opening = min(share * radius, most_mm)
        eroded = cc3d.connected_components(depths > opening, connectivity=26)
        # The opening rounds off corners; a fifth of its radius gives most of them back.
        room = 1.2 * opening + 0.5 * around.step_mm - around.depths_mm(eroded != eroded[middle])
        region = tissue & (room >= 0)
        if not (region & (ball < 0)).any():
            break
    room = np.minimum(room, ball)
    labels = cc3d.connected_components(tissue & (room >= 0), connectivity=6)
    return labels == labels[middle], room


def _unmixed(
    around: Surroundings, region: Bools, place: npt.NDArray[np.int64], level: float, slice_mm: float
) -> float:
    """Return what a core's attenuation would be had slice thickness and blur not mixed it with lung."""
    blur = np.hypot(_BLUR_MM, (0.4 * slice_mm, 0, 0)) / around.step_mm
    share = ndimage.gaussian_filter(region.astype(np.float32), blur, truncate=3)[tuple(place)]
    return around.lung_hu + (level - around.lung_hu) / float(np.clip(share, 0.35, 1.0))


def _haze(
    around: Surroundings, allowed: Bools, place: npt.NDArray[np.int64], diameter_mm: float
) -> float | None:
    """Return the typical attenuation of a faint core."""
    middle = allowed & (around.distances_mm(place) <= 0.3 * diameter_mm)
    typical = float(np.median(around.hu[middle]))
    return typical if typical - around.lung_hu > LEAST_CONTRAST_HU else None


def _halo(around: Surroundings, allowed: Bools, region: Bools) -> float | None:
    """Return the attenuation of a ground-glass rim around a region; None where there is none.

    The rim is looked at in the slices, a little off the edge, where the scanner's blur has faded.
    """
    if not region.any():
        return None
    areas = region.sum((1, 2))
    across = 2 * np.sqrt(areas.max() / np.pi) * around.step_mm
    nearest = float(np.clip(0.14 * across, *RIM_MM))
    rim = np.zeros(region.shape, bool)
    for k in np.flatnonzero(areas >= 0.5 * areas.max()):
        away = _away_in_slice(region[k], around.step_mm)
        rim[k] = (away > nearest) & (away <= nearest + 1.3)
    values = around.hu[rim & allowed & (around.hu < SOLID_HU)]
    if values.size < 10:
        return None
    # Spicules and vessels are in the rim of many a solid nodule; ground glass fills most of it.
    if np.percentile(values, 35) - around.lung_hu < HALO_HU:
        return None
    return float(np.median(values))


def _away_in_slice(plane: Bools, step_mm: float) -> Floats:
    away: Floats = edt.edt(~plane, black_border=False) * np.float32(step_mm)
    return away


def _hazy(
    around: Surroundings, allowed: Bools, haze_hu: float, place: npt.NDArray[np.int64], diameter_mm: float
) -> Bools:
    """Return the region whose edge lies half-way between lung and ground glass, its gaps closed."""
    smoothed = ndimage.gaussian_filter(around.hu, _SMOOTH_MM / around.step_mm, truncate=3)
    low = around.lung_hu + 0.5 * (haze_hu - around.lung_hu)
    region, _ = _region(around, allowed & (smoothed > low), place, diameter_mm)
    grown = around.depths_mm(~region) <= _GAP_MM
    closed: Bools = fill_voids.fill((around.depths_mm(grown) > _GAP_MM) | region) & allowed
    for plane in closed:
        plane[:] = fill_voids.fill(np.ascontiguousarray(plane))
    return closed


def _native(
    volume: Volume, around: Surroundings, region: Bools, *, sharp: tuple[Floats, float] | None = None
) -> Mask | None:
    """Bring a region back to the native grid; with room and an edge (HU) given, draw the edge there anew."""
    if not region.any():
        return None
    hits = np.argwhere(region)
    corners = np.array([hits.min(0) - 2, hits.max(0) + 2])
    cube = np.array(np.meshgrid(*corners.T, indexing="ij")).reshape(3, -1).T
    index = volume.geometry.to_index(around.grid.to_lps(cube))
    low = np.clip(np.floor(index.min(0)).astype(int), 0, None)
    high = np.minimum(np.ceil(index.max(0)).astype(int) + 1, volume.geometry.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    if np.any(high <= low):
        return None
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_lps(low)
    shape = (int(high[0] - low[0]), int(high[1] - low[1]), int(high[2] - low[2]))
    native = Geometry(shape=shape, affine=affine)

    voxels = sample((region * 1000).astype(np.int16), around.grid, native) > 500
    if sharp is not None:
        room, edge_hu = sharp
        inside = sample((around.inside * 1000).astype(np.int16), around.grid, native) > 500
        hundredths = np.clip(room * 100, -1000, 1000).astype(np.int16)
        drawn = inside & (sample(hundredths, around.grid, native) > 0) & (volume.hu[box] > edge_hu)
        voxels = drawn if drawn.any() else voxels
    if not voxels.any():
        return None
    voxels = cc3d.largest_k(voxels, k=1, connectivity=6) > 0
    voxels = fill_voids.fill(voxels)
    found = Mask.crop(voxels)
    k, j, i = found.offset
    return Mask(voxels=found.voxels, offset=(k + int(low[0]), j + int(low[1]), i + int(low[2])))
