"""What is in a phantom: the ground truth that `truth.json` holds."""

from pydantic import BaseModel, ConfigDict, Field

from firstread.findings.finding import Attenuation, Diameters, Laterality, Lobe, Point, Zone
from firstread.phantom.nodule_spec import Margin, Site

VERSION = "1"
"""Raised whenever the same seed would give another phantom."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NoduleTruth(_Value):
    """One nodule as it was drawn; LPS, mm. Spicules count neither in size nor in volume."""

    id: str = Field(description="T1, T2 … in the order they were asked for")
    center_lps_mm: Point = Field(description="centre of mass")
    diameter_mm: Diameters
    volume_mm3: float
    attenuation: Attenuation
    hu: float = Field(description="what it is filled with; for part-solid the ground-glass part")
    solid_part_mm: Diameters | None = None
    solid_part_hu: float | None = None
    site: Site
    margin: Margin
    juxtapleural: bool = Field(description="touches the pleura (fissures not counted)")
    laterality: Laterality
    lobe: Lobe
    zone: Zone


class PhantomTruth(_Value):
    """Everything needed to make the phantom again, and every nodule in it."""

    version: str = VERSION
    seed: int
    notice: str = "Synthetic image. No real person."
    spacing_mm: tuple[float, float, float] = Field(description="slice, row, column")
    thickness_mm: float
    kernel: str
    noise_hu: float
    contrast: bool
    sex: str
    age_years: int
    lung_volume_ml: tuple[float, float] = Field(description="right, left; as far as the slices reach")
    nodules: tuple[NoduleTruth, ...] = ()
