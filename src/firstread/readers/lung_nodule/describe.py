"""An outlined nodule becomes a finding: its size, place, material and form."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from firstread.dicom.header import whole
from firstread.dicom.uids import derive_uid
from firstread.dicom.volume import SourceSlice, Volume
from firstread.findings import Algorithm, Finding, Mask, Measurement
from firstread.findings.concepts import LUNG, MASS, MEAN_ATTENUATION, NODULE
from firstread.readers.lung_nodule.attenuation import attenuation_of
from firstread.readers.lung_nodule.attributes import attributes_of
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.place import LungHeights, place_of

MASS_MM = 30.0
"""A larger nodule is called a mass (Fleischner glossary)."""


def described(
    volume: Volume,
    lungs: npt.NDArray[np.uint8],
    mask: Mask,
    *,
    probability: float,
    heights: LungHeights | None = None,
    algorithms: Sequence[Algorithm] = (),
) -> Finding:
    """Measure and describe a nodule; it has no category yet, and the id `N`.

    Args:
        volume: The series.
        lungs: uint8 labels on the volume's grid: 0 none, 1 right, 2 left.
        mask: The nodule on that grid.
        probability: How likely it is one.
        heights: The lungs' extents, where known already.
        algorithms: What found it.

    Raises:
        ValueError: the mask is empty.
    """
    measured = measure_mask(volume, mask)
    facts = attenuation_of(volume, mask)
    form = attributes_of(volume, mask, facts.attenuation)
    place = place_of(volume, lungs, mask, heights=heights)
    source = volume.source_nearest(measured.slice_index)
    x, y, z = measured.center_lps_mm
    return Finding(
        id="N",
        concept=MASS if measured.diameter_mm.mean > MASS_MM else NODULE,
        probability=round(probability, 4),
        site=LUNG,
        laterality=place.laterality,
        lobe=place.lobe,
        zone=place.zone,
        juxtapleural=place.juxtapleural,
        center_lps_mm=measured.center_lps_mm,
        size_mm=measured.size_mm,
        diameter_mm=measured.diameter_mm,
        axes_lps_mm=measured.axes_lps_mm,
        volume_mm3=measured.volume_mm3,
        attenuation=facts.attenuation,
        solid_part_mm=facts.solid_part_mm,
        measurements=(
            Measurement(
                concept=MEAN_ATTENUATION,
                value=measured.mean_hu,
                unit="[hnsf'U]",
                method="mean of the outline",
            ),
            *form.measurements,
        ),
        attributes=form.coded,
        sop_instance_uid=source.sop_instance_uid,
        frame_number=source.frame_number,
        instance_number=instance_number(volume, source),
        tracking_uid=derive_uid("tracking", volume.sources[0].sop_instance_uid, f"{x:.1f} {y:.1f} {z:.1f}"),
        algorithms=tuple(algorithms),
        mask=mask,
    )


def instance_number(volume: Volume, source: SourceSlice) -> int | None:
    """Return the Instance Number of a stored image, as a viewer shows it."""
    return whole(volume.headers[volume.sources.index(source)], "InstanceNumber")
