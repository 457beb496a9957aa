"""A route: which studies a reader reads, how urgently, and where the results go."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from firstread.reports import Lang
from firstread.workflow.routes.patterns import check_pattern

Priority = Literal["stat", "urgent", "routine"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def shown(value: Any, joint: str = ", ") -> str:  # noqa: ANN401 - of any condition or fact
    """Return a condition or a fact as people read it."""
    if isinstance(value, tuple):
        return joint.join(text or "none" for text in value) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, "") else str(value)


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Pattern = Annotated[str, AfterValidator(check_pattern)]
_Project = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Patterns = Annotated[tuple[_Pattern, ...], BeforeValidator(_several), Field(min_length=1, max_length=100)]
_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\p{C}]+$")
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(_Strict):
    """From `min` to `max`, both included; one of them may be left out."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is more than max")
        return self

    def __contains__(self, value: float) -> bool:
        return (self.min is None or self.min <= value) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        if self.min is None:
            return f"at most {self.max:g}"
        return f"at least {self.min:g}" if self.max is None else f"{self.min:g} to {self.max:g}"


class Hours(_Strict):
    """From the full hour `start` until `end`, over midnight where `end` is the earlier: 18 until 7."""

    start: int = Field(ge=0, le=23)
    end: int = Field(ge=0, le=24)

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same")
        return self

    def __contains__(self, hour: int) -> bool:
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end

    def __str__(self) -> str:
        return f"{self.start} until {self.end}"


class Conditions(_Strict):
    """Conditions on a study and on its series; one that is left out holds of everything.

    Each has the name of what it asks, in `StudyFacts` or `SeriesFacts`. A text is matched as
    `firstread.workflow.routes.patterns` says, and a list holds where one of it does.
    """

    source: Patterns | None = None
    institution: Patterns | None = None
    study_description: Patterns | None = None
    requested_priority: Patterns | None = None
    age_years: Range | None = None
    sex: Patterns | None = None
    weekday: Annotated[tuple[Weekday, ...], BeforeValidator(_several)] | None = None
    hour: Hours | None = None

    modality: Patterns | None = None
    body_part: Patterns | None = None
    series_description: Patterns | None = None
    image_type: Patterns | None = None
    kernel: Patterns | None = None
    slice_thickness_mm: Range | None = None
    images: Range | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.given():
            raise ValueError("at least one condition is needed")
        return self

    def given(self) -> dict[str, Any]:
        """Return the conditions that are not left out, by name, in the order of the class."""
        every = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: wanted for name, wanted in every.items() if wanted is not None}

    def __str__(self) -> str:
        return "; ".join(f"{name} {shown(wanted, ' or ')}" for name, wanted in self.given().items())


class Route(_Strict):
    """One rule: the studies that fit are read by `reader`, or go without their patient to the research `project`.

    A study fits where the conditions of `when` on studies hold, none of `unless` does, and it has a series of which
    the same is true. Of several routes with one reader or project the first that fits decides. To a project go the
    series that fit, and each to every destination.
    """

    name: _Name
    reader: _Name | Literal[""] = ""
    project: _Project | Literal[""] = ""
    when: Conditions
    unless: Conditions | None = None
    priority: Priority = "routine"
    destinations: Annotated[tuple[_Name, ...], BeforeValidator(_several)] = ()
    lang: Lang = "en"
    enabled: bool = True

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if bool(self.reader) == bool(self.project):
            raise ValueError("a route has either a reader or a project")
        if self.project and not self.destinations:
            raise ValueError("a route to a project needs destinations: without one it would go nowhere")
        return self

    @property
    def does(self) -> str:
        """The reader, or the project, as people read it."""
        return self.reader or f"project {self.project}"
