"""A finding that a person enters by hand, without the engine."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firstread.archive.columns import new_token
from firstread.dicom.uids import derive_uid
from firstread.findings import Diameters, Finding, ReadResult
from firstread.findings.concepts import LUNG, MASS, NODULE
from firstread.findings.finding import Attenuation, Laterality, Lobe, Point
from firstread.workflow.reporting.content import DrawnAxes, Millimetres

_MASS_MM = 30.0  # Fleischner glossary


class ByHand(BaseModel):
    """What a person says of a nodule; the place is LPS, mm."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    center_lps_mm: Point
    long_mm: Millimetres
    short_mm: Millimetres
    axes_lps_mm: DrawnAxes | None = None
    attenuation: Attenuation
    solid_long_mm: Millimetres | None = None
    solid_short_mm: Millimetres | None = None
    laterality: Laterality
    lobe: Lobe | None = None
    sop_instance_uid: str = Field(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)
    frame_number: int | None = Field(default=None, ge=1)
    instance_number: int | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "ByHand":
        if self.lobe is not None and not self.lobe.startswith(self.laterality):
            raise ValueError("lobe and laterality disagree")
        return self


def entered(given: ByHand, result: ReadResult) -> Finding:
    """Return the finding; it has no category yet, and the id `N`."""
    size = _diameters(given.long_mm, given.short_mm)
    part = None
    if given.attenuation == "part-solid" and given.solid_long_mm and given.solid_short_mm:
        part = _diameters(given.solid_long_mm, given.solid_short_mm)
    return Finding(
        id="N",
        concept=MASS if size.mean > _MASS_MM else NODULE,
        probability=1.0,
        site=LUNG,
        laterality=given.laterality,
        lobe=given.lobe,
        center_lps_mm=given.center_lps_mm,
        size_mm=(size.long, size.long, size.long),
        diameter_mm=size,
        axes_lps_mm=given.axes_lps_mm,
        attenuation=given.attenuation,
        solid_part_mm=part,
        sop_instance_uid=given.sop_instance_uid,
        frame_number=given.frame_number,
        instance_number=given.instance_number,
        tracking_uid=derive_uid("tracking by hand", result.series_uid, new_token()),
    )


def _diameters(one: float, other: float) -> Diameters:
    low, high = sorted((round(one, 1), round(other, 1)))
    return Diameters(long=high, short=low, mean=round((high + low) / 2, 1))
