"""One coded statement about the patient, with its evidence.

Positions are patient coordinates in millimetres, LPS (x to the patient's left, y to the back, z to the
head). Every output format is a rendering of these objects and computes nothing.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from firstread.findings.concepts import Code
from firstread.findings.mask import Mask

Point = tuple[float, float, float]
Attenuation = Literal["solid", "part-solid", "ground-glass", "calcified", "fat"]
Laterality = Literal["right", "left"]
Lobe = Literal["right upper", "right middle", "right lower", "left upper", "left lower"]
Zone = Literal["upper", "middle", "lower"]
Change = Literal["new", "stable", "growing", "slowly growing", "decreased"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Measurement(_Value):
    """A number with its UCUM unit and how it was obtained."""

    concept: Code
    value: float
    unit: str = Field(description="UCUM code, e.g. mm, mm3, [hnsf'U]")
    method: str = ""


class Attribute(_Value):
    """A coded property of the finding, e.g. attenuation = ground-glass."""

    concept: Code
    value: Code


class Diameters(_Value):
    """Long and short axis on the slice where the region is largest, and their mean; mm, to 0.1 mm."""

    long: float
    short: float
    mean: float


class Axes(_Value):
    """End points of the two measured axes, LPS mm: what a viewer draws."""

    long: tuple[Point, Point]
    short: tuple[Point, Point]


class Category(_Value):
    """A category of a published scheme, with the rule that gave it."""

    scheme: str = Field(description="Lung-RADS, Fleischner or C-Lung-RADS")
    version: str
    value: str = Field(description="e.g. 4A; for Fleischner the name of the row")
    rule: str = Field(description="the rule that decided, in one sentence")
    management: str = Field(default="", description="what the scheme recommends, restated")
    modifier: Literal["S"] | None = Field(
        default=None, description="Lung-RADS S: a significant finding other than lung cancer"
    )


class Comparison(_Value):
    """The same lesion on the prior study."""

    change: Change
    prior_study_uid: str
    prior_tracking_uid: str | None = Field(default=None, description="None when the lesion is new")
    prior_date: date | None = None
    prior_mean_mm: float | None = None
    prior_volume_mm3: float | None = None
    prior_solid_part_mm: float | None = Field(
        default=None, description="mean diameter of the solid part then"
    )
    prior_attenuation: Attenuation | None = None
    prior_category: str | None = Field(default=None, description="its Lung-RADS category then")
    first_mean_mm: float | None = Field(
        default=None, description="on the earliest study of the chain of reads"
    )
    first_date: date | None = None
    interval_days: int | None = None
    growth_mm: float | None = Field(default=None, description="mean diameter now minus then")
    volume_doubling_days: float | None = Field(default=None, description="None unless the volume grew")
    distance_mm: float | None = Field(default=None, description="between the registered centres")


class Algorithm(_Value):
    """Who found it: a reader or network by name, version and model digest (sha256 hex)."""

    name: str
    version: str
    digest: str | None = None


class Finding(_Value):
    """A lesion: concept, probability, place, size, attributes, category, algorithm."""

    id: str = Field(description="short and stable in this result, e.g. N1")
    concept: Code
    probability: float = Field(ge=0, le=1)
    site: Code
    laterality: Laterality | None = None
    lobe: Lobe | None = Field(default=None, description="None: the reader does not segment lobes")
    zone: Zone | None = Field(default=None, description="thirds of the lung's height, from the apex")
    juxtapleural: bool | None = None
    center_lps_mm: Point
    size_mm: Point = Field(description="edge lengths of the bounding box along patient x, y, z")
    diameter_mm: Diameters | None = None
    axes_lps_mm: Axes | None = None
    volume_mm3: float | None = None
    attenuation: Attenuation | None = None
    solid_part_mm: Diameters | None = Field(default=None, description="part-solid only: its solid core")
    measurements: tuple[Measurement, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    category: Category | None = Field(default=None, description="of the scheme that leads the report")
    categories: tuple[Category, ...] = Field(default=(), description="of every scheme that applies")
    comparison: Comparison | None = None
    sop_instance_uid: str = Field(description="the instance on which the region is largest")
    frame_number: int | None = Field(default=None, description="1-based; multi-frame instances only")
    instance_number: int | None = Field(default=None, description="of that instance, as a viewer shows it")
    tracking_uid: str
    algorithms: tuple[Algorithm, ...] = ()
    mask: SkipJsonSchema[Mask | None] = Field(default=None, exclude=True, repr=False)


class Structure(_Value):
    """A segmented part of normal anatomy, e.g. the left lung."""

    name: str
    site: Code
    laterality: Laterality | None = None
    volume_mm3: float
    center_lps_mm: Point | None = Field(default=None, description="centre of the bounding box")
    size_mm: Point | None = Field(
        default=None, description="edge lengths of the bounding box along patient x, y, z"
    )
    algorithm: Algorithm
    mask: SkipJsonSchema[Mask | None] = Field(default=None, exclude=True, repr=False)
