"""Which row of a table a nodule belongs to: by size, texture, site, slice thickness, kernel."""

import edt
import numpy as np

from firstread.dicom.geometry import Geometry
from firstread.dicom.kernel import sharpness
from firstread.dicom.series import Series
from firstread.evaluation.marks import Nodule, Point, texture_class
from firstread.readers.lung_nodule.lungs import Lungs

PLEURAL_MM = 2.0
"""Between a nodule's sphere and the border of the lung mask: nearer is pleural."""
SIZES_MM = ((3.0, "under 3 mm"), (6.0, "3 to 6 mm"), (12.0, "6 to 12 mm"))
LARGEST = "12 mm and more"
_THICKNESSES_MM = ((1.5, "up to 1.5 mm"), (2.5, "1.6 to 2.5 mm"))
_THICKEST = "over 2.5 mm"
_TOLERANCE_MM = 0.05


def size_class(diameter_mm: float) -> str:
    """Name the size class of a nodule."""
    return next((name for limit, name in SIZES_MM if diameter_mm < limit), LARGEST)


def thickness_class(thickness_mm: float) -> str:
    """Name the class of a slice thickness, as `choose_series` ranks them."""
    return next((name for limit, name in _THICKNESSES_MM if thickness_mm <= limit + _TOLERANCE_MM), _THICKEST)


def site_class(center_lps_mm: Point, diameter_mm: float, lungs: Lungs, geometry: Geometry) -> str:
    """Tell whether a nodule lies on the border of the lung mask, well inside, or with its centre outside.

    Args:
        center_lps_mm: (x, y, z).
        diameter_mm: Of the sphere that stands for it.
        lungs: The lungs as segmented.
        geometry: Of the volume.
    """
    reach = diameter_mm / 2 + PLEURAL_MM
    spacing = np.array(geometry.spacing_mm)
    centre = np.rint(geometry.to_index(center_lps_mm)).astype(int)
    if np.any(centre < 0) or np.any(centre >= geometry.shape):
        return "outside the lung mask"
    margin = np.ceil(reach / spacing).astype(int) + 1
    low = np.maximum(centre - margin, 0)
    high = np.minimum(centre + margin + 1, geometry.shape)
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    inside = lungs.labels[k, j, i] > 0
    k0, j0, i0 = (int(v) for v in centre - low)
    if not inside[k0, j0, i0]:
        return "outside the lung mask"
    # Where the scan ends there is no pleura.
    depth_mm = edt.edt(inside, anisotropy=tuple(float(s) for s in spacing), black_border=False)
    return "pleural" if depth_mm[k0, j0, i0] <= reach else "away from the pleura"


def labels(nodule: Nodule, series: Series, geometry: Geometry, lungs: Lungs) -> dict[str, str]:
    """Return the rows that a nodule belongs to, by table."""
    told = {"size": size_class(nodule.diameter_mm)}
    if ratings := nodule.rated("texture"):
        told["texture"] = texture_class(float(np.median(ratings)))
    told["site"] = site_class(nodule.center_lps_mm, nodule.diameter_mm, lungs, geometry)
    told["slice thickness"] = thickness_class(series.slice_thickness_mm or geometry.spacing_mm[0])
    told["kernel"] = sharpness(series.kernel)
    if series.manufacturer:
        told["manufacturer"] = series.manufacturer
    return told
