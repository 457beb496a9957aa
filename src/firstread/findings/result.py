"""What a reader returns: everything about one read of one series."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from firstread.findings.finding import Category, Finding, Structure

NOTICE = "AI preliminary, not verified"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReaderIdentity(_Value):
    """Name and version of the reader."""

    name: str
    version: str


class ModelUse(_Value):
    """A model package that took part in the read; digest is the package's sha256 (hex)."""

    name: str
    version: str
    digest: str
    precision: Literal["f32", "int8"]


class Timings(_Value):
    """Wall-clock seconds by stage. `report` and `total` are filled in when the folder is written."""

    load: float = 0.0
    segment: float = 0.0
    detect: float = 0.0
    classify: float = 0.0
    measure: float = 0.0
    report: float = 0.0
    total: float = 0.0


class Acquisition(_Value):
    """What the report's technique section says of the series that was read."""

    modality: str
    series_number: int | None = None
    description: str = ""
    manufacturer: str = ""
    model: str = ""
    kernel: str = ""
    kvp: float | None = None
    contrast: str | None = Field(default=None, description="agent, or None when none is named")
    slices: int
    slice_thickness_mm: float | None = None
    spacing_mm: tuple[float, float, float] = Field(description="slice, row, column")
    study_date: date | None = None
    chosen_because: str = Field(default="", description="why this series and not another")


class Grid(_Value):
    """The voxel grid on which the masks lie: that of the series, as it was read."""

    shape: tuple[int, int, int] = Field(description="slices, rows, columns")
    affine: tuple[tuple[float, float, float, float], ...] = Field(
        min_length=3,
        max_length=3,
        description="rows x, y, z (LPS, mm) of the map from (slice, row, column, 1)",
    )


class Prior(_Value):
    """The prior study that this read was compared with."""

    study_uid: str
    study_date: date | None = None
    resolved: tuple[str, ...] = Field(default=(), description="tracking UIDs of lesions not seen any more")


class Predecessor(_Value):
    """The report of the read before, of the same study by the same reader, that this one takes the place of."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str


class ReadResult(_Value):
    """One read of one series. `result.json` is this object; its schema is docs/reference/result-schema.json."""

    schema_version: Literal["1"] = "1"
    notice: str = NOTICE
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str | None = None
    reader: ReaderIdentity
    models: tuple[ModelUse, ...] = ()
    acquisition: Acquisition
    grid: Grid | None = None
    timings_s: Timings = Timings()
    warnings: tuple[str, ...] = ()
    category: Category | None = Field(default=None, description="the study's, of its leading finding")
    categories: tuple[Category, ...] = Field(default=(), description="the study's, one a scheme")
    impression: str = ""
    findings: tuple[Finding, ...] = ()
    structures: tuple[Structure, ...] = ()
    prior: Prior | None = None
    predecessor: Predecessor | None = None
