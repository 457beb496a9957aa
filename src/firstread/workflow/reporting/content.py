"""What a version of a report says: sections, what was decided of each finding, what was added, addenda."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from firstread.findings import Axes, Finding
from firstread.findings.finding import Attenuation, Laterality, Lobe
from firstread.reports import Lang

SectionName = Literal["indication", "technique", "comparison", "findings", "impression", "recommendation"]
SECTIONS: tuple[SectionName, ...] = get_args(SectionName)
Verdict = Literal["unreviewed", "accepted", "edited", "rejected"]
How = Literal["engine", "hand"]

LONGEST_SECTION = 20_000
LONGEST_REASON = 500
LARGEST_MM = 300.0
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def spoken(text: object) -> object:
    """Return a text as it may be kept and shown: lines, without control and direction characters."""
    if not isinstance(text, str):
        return text
    return _UNSPEAKABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def drawn(axes: Axes) -> Axes:
    """Return axes that can be measured.

    Raises:
        ValueError: a point is not finite, or an axis has no length, or one that no lesion has.
    """
    for ends in (axes.long, axes.short):
        length = math.dist(*ends)
        if not 0 < length <= LARGEST_MM:
            raise ValueError(f"an axis is longer than 0 and at most {LARGEST_MM:.0f} mm")
    return axes


DrawnAxes = Annotated[Axes, AfterValidator(drawn)]
Words = Annotated[str, BeforeValidator(spoken)]
Millimetres = Annotated[float, Field(gt=0, le=LARGEST_MM)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Section(_Value):
    """A section's text; `edited` by a person, it is drafted anew no more."""

    text: Words = Field(default="", max_length=LONGEST_SECTION)
    edited: bool = False


class Edits(_Value):
    """What a person says of a finding in place of the AI; None leaves what the AI says."""

    long_mm: Millimetres | None = None
    short_mm: Millimetres | None = None
    axes_lps_mm: DrawnAxes | None = None
    attenuation: Attenuation | None = None
    solid_long_mm: Millimetres | None = Field(default=None, description="of the solid part; part-solid only")
    solid_short_mm: Millimetres | None = Field(default=None, description="of the solid part; part-solid only")
    laterality: Laterality | None = None
    lobe: Lobe | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is changed."""
        return not self.model_dump(exclude_none=True)


class Decision(_Value):
    """What a person decided of one of the AI's findings, who and when."""

    verdict: Verdict
    tracking_uid: str
    reason: Words = Field(default="", max_length=LONGEST_REASON)
    edits: Edits | None = None
    by: str
    at: datetime


class Added(_Value):
    """A finding that a person added: measured by the engine where the person pointed, or entered by hand."""

    finding: Finding
    how: How
    by: str
    at: datetime


class Addendum(_Value):
    """What was added to a signed report."""

    text: Words = Field(min_length=1, max_length=LONGEST_SECTION)
    by: str
    name: str
    at: datetime


class Content(_Value):
    """All that a version of a report says.

    Attributes:
        lang: Language of the text.
        result_digest: sha256 (hex) of the `result.json` whose findings it speaks of.
        sections: By name; every one is there.
        decisions: By the id of the AI's finding; one that is not there is unreviewed.
        added: Findings of people; their ids begin with A.
        next_added: Number of the next one: ids are never used twice.
        amends: Why a signed report is changed.
        addenda: The oldest first.
    """

    schema_version: Literal["1"] = "1"
    lang: Lang
    result_digest: str
    sections: Mapping[SectionName, Section]
    decisions: Mapping[str, Decision] = {}
    added: tuple[Added, ...] = ()
    next_added: int = 1
    amends: Words = Field(default="", max_length=LONGEST_REASON)
    addenda: tuple[Addendum, ...] = ()

    def verdict_of(self, finding: str) -> Verdict:
        """Return what was decided of one of the AI's findings."""
        found = self.decisions.get(finding)
        return found.verdict if found is not None else "unreviewed"
