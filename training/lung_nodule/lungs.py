"""Classical lung labels, right and left: the truth that the lung network learns from.

Slow and careful; it works on healthy or nearly healthy lungs. The network learns from it with disease
added to the images, so that it keeps in what a threshold would leave out.
"""

import cc3d
import fill_voids
import numpy as np
import numpy.typing as npt
from scipy import ndimage

RIGHT, LEFT = 1, 2
_AIR_HU = -400
_BODY_HU = -300
_AIRWAY_HU = (-800, -900, -950)
"""Several, because a thin wall beside a dark lung is only seen at the lowest."""
_WALL_HU = -650
_GAS_BELOW_LUNG_HU = 80


def _ball(radius: int) -> npt.NDArray[np.bool_]:
    grid = np.mgrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    return (grid**2).sum(0) <= radius**2


def _closing(mask: npt.NDArray[np.bool_], radius: float) -> npt.NDArray[np.bool_]:
    """Close with a ball of the given radius (voxels), by distances: fast for any radius."""
    padded = np.pad(mask, int(radius) + 2)
    dilated = ndimage.distance_transform_edt(~padded) <= radius
    closed = ndimage.distance_transform_edt(dilated) > radius
    inner = tuple(slice(int(radius) + 2, -int(radius) - 2) for _ in range(3))
    return closed[inner] | mask


def body_of(hu: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Return the patient without table and outside air; HU array (z, y, x) on a grid of about 2 mm."""
    solid = ndimage.binary_opening(hu > _BODY_HU, _ball(1))
    labels = cc3d.largest_k(solid, k=1)
    body = labels > 0
    filled = np.empty_like(body)
    for k in range(body.shape[0]):
        # Lungs cut by the edge of the field of view still belong to the body.
        filled[k] = fill_voids.fill(ndimage.binary_closing(body[k], iterations=2) | body[k])
    return filled


def lung_labels(hu: npt.NDArray[np.int16], *, spacing_mm: float) -> npt.NDArray[np.uint8]:
    """Label the lungs on an isotropic patient-aligned grid.

    Args:
        hu: Array (z, y, x), feet to head, front to back, right to left.
        spacing_mm: Edge of a voxel; 1.5 to 2.5 mm work.

    Returns:
        uint8 array of the same shape: 0 elsewhere, 1 right lung, 2 left lung.
    """
    body = body_of(hu)
    air = (hu < _AIR_HU) & body
    airways = _airways(hu, body, spacing_mm)
    parenchyma = ndimage.binary_opening(air & ~airways, _ball(1))
    sides = _split_sides(hu, parenchyma, spacing_mm)
    labels = np.zeros(hu.shape, np.uint8)
    for side in (RIGHT, LEFT):
        lung = _closing(sides == side, 8 / spacing_mm)
        lung = fill_voids.fill(lung) & body & ~airways
        labels[lung & (labels == 0)] = side
    # A closing may reach into the other lung across the anterior junction: the parenchyma decides.
    for side in (RIGHT, LEFT):
        labels[sides == side] = side
    return labels


def _airways(
    hu: npt.NDArray[np.int16], body: npt.NDArray[np.bool_], spacing_mm: float
) -> npt.NDArray[np.bool_]:
    """Return trachea and main bronchi: walled air, followed from slice to slice.

    In an axial slice these are islands of air in soft tissue. Following islands, and not voxels, cannot leak into
    emphysema, which is as dark as an airway but has no wall around it.
    """
    middle = np.flatnonzero(body.any((0, 1)))
    if not middle.size:
        return np.zeros_like(body)
    centre, width = float(middle.mean()), float(np.ptp(middle))
    trachea = np.zeros_like(body)
    for k in range(hu.shape[0] // 2, hu.shape[0]):
        for area, x, region in _walled(hu[k], body[k], spacing_mm):
            if 60 < area < 600 and abs(x - centre) < 0.12 * width:
                trachea[k] |= region
    if not trachea.any():
        return trachea
    airways = cc3d.largest_k(trachea, k=1) > 0
    held = np.flatnonzero(airways.any((1, 2)))
    reach = max(round(4 / spacing_mm), 1)
    for start, step in ((int(held[0]), -1), (int(held[-1]), 1)):
        front, missed, k = airways[start], 0, start + step
        while 0 <= k < hu.shape[0] and missed * spacing_mm < 8:
            near = ndimage.binary_dilation(front, iterations=reach)
            found = np.zeros_like(front)
            for area, x, region in _walled(hu[k], body[k], spacing_mm):
                # Further out a bronchus runs inside the lung and belongs to it.
                if area < 900 and abs(x - centre) < 0.14 * width and (region & near).any():
                    found |= region
            airways[k] |= found
            front, missed = (found, 0) if found.any() else (front, missed + 1)
            k += step
    return ndimage.binary_dilation(airways, _ball(1))


def _walled(
    hu: npt.NDArray[np.int16], body: npt.NDArray[np.bool_], spacing_mm: float
) -> list[tuple[float, float, npt.NDArray[np.bool_]]]:
    """Return the islands of air of a slice that have a wall: area in mm², column of the middle, mask."""
    islands = []
    for threshold in _AIRWAY_HU:
        labels, count = ndimage.label((hu < threshold) & body)
        for index, box in enumerate(ndimage.find_objects(labels, count), start=1):
            extent = max(edge.stop - edge.start for edge in box) * spacing_mm
            if extent > 45:
                continue
            wide = tuple(slice(max(edge.start - 3, 0), edge.stop + 3) for edge in box)
            region = labels[wide] == index
            area = float(region.sum()) * spacing_mm**2
            ring = ndimage.binary_dilation(region, iterations=2) & ~region
            if area < 16 or (hu[wide][ring] > _WALL_HU).mean() < 0.6:
                continue
            whole = np.zeros(hu.shape, bool)
            whole[wide] = region
            islands.append((area, float(np.nonzero(whole)[1].mean()), whole))
    return islands


def _split_sides(
    hu: npt.NDArray[np.int16], parenchyma: npt.NDArray[np.bool_], spacing_mm: float
) -> npt.NDArray[np.uint8]:
    """Tell the lungs apart, cutting them where they touch; components under 20 mL are left out."""
    least = int(20_000 / spacing_mm**3)
    depth = ndimage.distance_transform_edt(parenchyma)
    for erosion in (0.0, 1.5, 2.5, 3.5, 5.0, 7.0):
        labels, count = cc3d.connected_components(depth > erosion, connectivity=6, return_N=True)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        sizes[0] = 0
        large = [int(i) for i in np.argsort(sizes)[::-1][:2] if sizes[i] > least]
        if len(large) == 2 and sizes[large[1]] > 0.15 * sizes[large[0]]:
            break
    else:
        large = large[:1]
    seeds = np.zeros(parenchyma.shape, np.uint8)
    columns = {i: float(np.nonzero(labels == i)[2].mean()) for i in large}
    middle = parenchyma.shape[2] / 2
    if len(large) == 2:
        ordered = sorted(large, key=lambda i: columns[i])
        for side, index in zip((RIGHT, LEFT), ordered, strict=True):
            seeds[labels == index] = side
    elif large:
        seeds[labels == large[0]] = RIGHT if columns[large[0]] < middle else LEFT
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    sides: npt.NDArray[np.uint8] = seeds[tuple(nearest)]
    # Only what hangs together with a lung, and not bowel gas that leans on it from below.
    whole = cc3d.connected_components(parenchyma, connectivity=6)
    kept = np.isin(whole, np.unique(whole[seeds > 0]))
    bowel = _bowel_gas(depth, seeds, spacing_mm) | _clear_gas(hu, parenchyma, seeds, spacing_mm)
    if bowel.any():
        seeds[ndimage.binary_dilation(bowel, _ball(2))] = 0
        to_bowel = ndimage.distance_transform_edt(~bowel)
        kept &= to_bowel > ndimage.distance_transform_edt(seeds == 0)
    return np.where(parenchyma & kept, sides, 0).astype(np.uint8)


def _bowel_gas(
    depth: npt.NDArray[np.float64], seeds: npt.NDArray[np.uint8], spacing_mm: float
) -> npt.NDArray[np.bool_]:
    """Return cores of air under the lungs' bases that a narrow neck at most joins to a lung."""
    lungs_z = np.nonzero(seeds)[0]
    if not lungs_z.size:
        return np.zeros(seeds.shape, bool)
    base = np.percentile(lungs_z, 12)
    cores = cc3d.connected_components(depth > 1.5, connectivity=6)
    bowel = np.zeros(seeds.shape, bool)
    for index, box in enumerate(ndimage.find_objects(cores), start=1):
        if box is None:
            continue
        core = cores[box] == index
        height = (box[0].start + box[0].stop) / 2
        lung = (seeds[box][core] > 0).mean() > 0.5 and core.sum() * spacing_mm**3 > 100_000
        if core.sum() * spacing_mm**3 > 300 and height < base and not lung:
            bowel[box] |= core
    return bowel


def _clear_gas(
    hu: npt.NDArray[np.int16],
    parenchyma: npt.NDArray[np.bool_],
    seeds: npt.NDArray[np.uint8],
    spacing_mm: float,
) -> npt.NDArray[np.bool_]:
    """Return pockets at the lungs' bases that are clearly darker than the lungs: gas in bowel, at any neck."""
    gas = np.zeros(seeds.shape, bool)
    lungs_z = np.nonzero(seeds)[0]
    if not lungs_z.size:
        return gas
    base = int(np.percentile(lungs_z, 15))
    limit = float(np.median(hu[seeds > 0])) - _GAS_BELOW_LUNG_HU
    below = slice(0, base)
    dark = (ndimage.gaussian_filter(hu[below].astype(np.float32), 1) < limit) & parenchyma[below]
    pockets, count = cc3d.connected_components(dark, connectivity=6, return_N=True)
    sizes = np.bincount(pockets.ravel(), minlength=count + 1)
    sizes[0] = 0
    gas[below] = np.isin(pockets, np.flatnonzero(sizes * spacing_mm**3 > 2_000))
    return gas
