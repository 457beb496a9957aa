"""Rules: which findings are critical, how urgent they are, and why each rule fired or did not.

A rule is data (`shipped.toml`, and the site's file). It is asked of every finding of a result; what is said of a
finding are its concept, size, attributes, category and change, and nothing is computed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from firstread.alerts.models import LEVELS, Level
from firstread.findings import Category, Code, Finding, ReadResult
from firstread.findings.finding import Attenuation, Change, Laterality, Lobe

Per = Literal["finding", "study"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[Line, ...], BeforeValidator(_listed)]


class Range(_Value):
    """Numbers from `min` to `max`, both included."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _check(self) -> "Range":
        if self.min is None and self.max is None:
            raise ValueError("a range has min, max or both")
        return self

    def holds(self, value: float | None) -> bool:
        """Tell whether a number is in the range; an absent one is not."""
        if value is None:
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        low = "" if self.min is None else f"at least {self.min:g}"
        high = "" if self.max is None else f"at most {self.max:g}"
        return " and ".join(filter(None, (low, high)))


class MeasuredRange(Range):
    """A measurement by its concept, in one unit (UCUM)."""

    concept: Line
    unit: Line


class Conditions(_Value):
    """What a finding must be for a rule to fire: all that is written, any of each list."""

    readers: Texts = ()
    modalities: Texts = ()
    concepts: Texts = Field(default=(), description="codes SCHEME:VALUE, or meanings")
    attributes: Texts = Field(default=(), description="values of attributes, codes or meanings")
    category: dict[str, Texts] = Field(default_factory=dict, description="values of categories, by scheme")
    attenuation: tuple[Attenuation, ...] = ()
    change: tuple[Change, ...] = ()
    laterality: tuple[Laterality, ...] = ()
    lobe: tuple[Lobe, ...] = ()
    probability: Range | None = None
    mean_mm: Range | None = None
    long_mm: Range | None = None
    solid_part_mm: Range | None = None
    volume_mm3: Range | None = None
    growth_mm: Range | None = None
    measurements: tuple[MeasuredRange, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Conditions":
        about_findings = set(self.model_fields_set) - {"readers", "modalities"}
        if not about_findings:
            raise ValueError("it would fire on every finding; name concepts, a category or a size")
        return self


class Rule(_Value):
    """One trigger: its name in the record, its title for people, its level, what it asks.

    `per` finding: one alert each lesion; study: one alert for all the lesions of a study that it leads.
    """

    name: Name
    title: Line
    title_zh: Line | None = None
    level: Level
    per: Per = "finding"
    enabled: bool = True
    when: Conditions


@dataclass(frozen=True)
class Check:
    """One condition of a rule, asked of one finding."""

    condition: str
    wanted: str
    found: str
    met: bool


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a finding, condition by condition."""

    rule: Rule
    finding: Finding
    checks: tuple[Check, ...]

    @property
    def fires(self) -> bool:
        """Whether every condition is met."""
        return all(check.met for check in self.checks)

    @property
    def because(self) -> str:
        """The conditions in a line: those that are met where it fires, else the first that is not."""
        said = self.checks if self.fires else [check for check in self.checks if not check.met][:1]
        return "; ".join(f"{check.condition} {check.found} ({check.wanted})" for check in said)


@dataclass(frozen=True)
class Fired:
    """An alert that a result calls for: the rule that leads, its findings, and the other rules that they fulfil."""

    rule: Rule
    subject: str
    findings: tuple[Finding, ...]
    because: str
    also: tuple[str, ...] = ()


def verdicts(result: ReadResult, rules: Sequence[Rule]) -> tuple[Verdict, ...]:
    """Ask every rule about every finding, in the order of both."""
    enabled = [rule for rule in rules if rule.enabled]
    return tuple(
        Verdict(rule, finding, _checks(rule.when, finding, result))
        for finding in result.findings
        for rule in enabled
    )


def fired(result: ReadResult, rules: Sequence[Rule]) -> tuple[Fired, ...]:
    """Return the alerts that a result calls for, the most urgent first; each finding is in one at most.

    Of the rules that a finding fulfils the most urgent leads, and of those the first.
    """
    firing: dict[str, list[Verdict]] = {}
    for verdict in verdicts(result, rules):
        if verdict.fires:
            firing.setdefault(verdict.finding.tracking_uid, []).append(verdict)
    alerts: dict[str, list[tuple[Verdict, list[Verdict]]]] = {}
    for tracking_uid, found in firing.items():
        leading = min(found, key=lambda each: LEVELS.index(each.rule.level))
        others = [each for each in found if each is not leading]
        subject = (
            f"finding:{tracking_uid}"
            if leading.rule.per == "finding"
            else f"rule:{leading.rule.name}:{result.reader.name}"
        )
        alerts.setdefault(subject, []).append((leading, others))
    made = [_together(subject, members) for subject, members in alerts.items()]
    return tuple(sorted(made, key=lambda each: LEVELS.index(each.rule.level)))


def _together(subject: str, members: Sequence[tuple[Verdict, list[Verdict]]]) -> Fired:
    rule = members[0][0].rule
    return Fired(
        rule=rule,
        subject=subject,
        findings=tuple(leading.finding for leading, _ in members),
        because=" | ".join(f"{leading.finding.id}: {leading.because}" for leading, _ in members),
        also=tuple(dict.fromkeys(each.rule.name for _, others in members for each in others)),
    )


def _checks(when: Conditions, finding: Finding, result: ReadResult) -> tuple[Check, ...]:
    checks: list[Check] = []

    def ask(condition: str, wanted: object, found: object, met: bool) -> None:
        said = ", ".join(map(str, wanted)) if isinstance(wanted, tuple) else str(wanted)
        checks.append(Check(condition, said, "unknown" if found in (None, "") else str(found), met))

    def among(condition: str, wanted: tuple[str, ...], found: str | None) -> None:
        if wanted:
            ask(condition, wanted, found, found in wanted)

    def within(condition: str, wanted: Range | None, found: float | None) -> None:
        if wanted is not None:
            ask(condition, wanted, None if found is None else f"{found:g}", wanted.holds(found))

    among("reader", when.readers, result.reader.name)
    among("modality", when.modalities, result.acquisition.modality)
    if when.concepts:
        met = any(_is(finding.concept, each) for each in when.concepts)
        ask("concept", when.concepts, finding.concept.meaning, met)
    if when.attributes:
        values = [attribute.value for attribute in finding.attributes]
        met = any(_is(value, each) for value in values for each in when.attributes)
        ask("attribute", when.attributes, ", ".join(value.meaning for value in values), met)
    for scheme, wanted in when.category.items():
        found = next((each.value for each in _categories(finding) if each.scheme == scheme), None)
        ask(scheme, wanted, found, found in wanted)
    comparison = finding.comparison
    among("attenuation", when.attenuation, finding.attenuation)
    among("change", when.change, comparison.change if comparison else None)
    among("laterality", when.laterality, finding.laterality)
    among("lobe", when.lobe, finding.lobe)
    diameter, solid = finding.diameter_mm, finding.solid_part_mm
    within("probability", when.probability, finding.probability)
    within("mean diameter (mm)", when.mean_mm, diameter.mean if diameter else None)
    within("long axis (mm)", when.long_mm, diameter.long if diameter else None)
    within("solid part (mm)", when.solid_part_mm, solid.mean if solid else None)
    within("volume (mm3)", when.volume_mm3, finding.volume_mm3)
    within("growth (mm)", when.growth_mm, comparison.growth_mm if comparison else None)
    for each in when.measurements:
        values_there = [
            measured.value
            for measured in finding.measurements
            if measured.unit == each.unit and _is(measured.concept, each.concept)
        ]
        within(f"{each.concept} ({each.unit})", each, values_there[0] if values_there else None)
    return tuple(checks)


def _categories(finding: Finding) -> tuple[Category, ...]:
    return (*((finding.category,) if finding.category else ()), *finding.categories)


def _is(code: Code, wanted: str) -> bool:
    """Tell whether a concept is the one that is written: SCHEME:VALUE, or its meaning."""
    scheme, colon, value = wanted.partition(":")
    if colon and code.scheme == scheme and code.value == value:
        return True
    return code.meaning.casefold() == wanted.casefold()
