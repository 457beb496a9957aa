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
_AIRWAY_HU = -900


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
    sides = _split_sides(parenchyma, spacing_mm)
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
    """Return trachea and main bronchi: air tubes traced down from the uppermost slices."""
    lumen = (hu < _AIRWAY_HU) & body
    middle = np.flatnonzero(body.any((0, 1)))
    centre, width = middle.mean(), np.ptp(middle)
    # Beyond the hila an airway and an emphysematous lung look alike: do not follow it there.
    lumen[:, :, np.abs(np.arange(hu.shape[2]) - centre) > 0.13 * width] = False
    trachea = np.zeros_like(lumen)
    for k in range(hu.shape[0] - 1, int(hu.shape[0] * 0.5), -1):
        labels, count = ndimage.label(lumen[k])
        for index in range(1, count + 1):
            region = labels == index
            area = region.sum() * spacing_mm**2
            _, x = ndimage.center_of_mass(region)
            if 60 < area < 600 and abs(x - centre) < width * 0.12:
                trachea[k] |= region
    seeds = cc3d.largest_k(trachea, k=1) > 0 if trachea.any() else trachea
    # Grow downwards inside clear air; stop before it leaks into emphysema or bullae.
    grown = seeds
    for _ in range(int(60 / spacing_mm)):
        step = ndimage.binary_dilation(grown, _ball(1)) & lumen
        added = (step.sum() - grown.sum()) * spacing_mm**3
        if step.sum() * spacing_mm**3 > 70_000 or not 0 < added < 4_000:
            break
        grown = step
    return ndimage.binary_dilation(grown, _ball(1)) if grown.any() else grown


def _split_sides(parenchyma: npt.NDArray[np.bool_], spacing_mm: float) -> npt.NDArray[np.uint8]:
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
    bowel = _bowel_gas(depth, seeds, spacing_mm)
    if bowel.any():
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
