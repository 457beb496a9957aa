"""A rule as a form has it: fields to a rule with what is wrong with which field, and a rule to fields."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from starlette.datastructures import FormData

from firstread.alerts.models import LEVELS
from firstread.alerts.rules import Rule
from firstread.findings.finding import Attenuation, Change, Laterality, Lobe

LISTS = ("concepts", "attributes", "readers", "modalities")
"""Conditions that are texts, one a line."""
CHOICES: dict[str, tuple[str, ...]] = {
    "attenuation": get_args(Attenuation),
    "change": get_args(Change),
    "laterality": get_args(Laterality),
    "lobe": get_args(Lobe),
}
"""Conditions that are some of a few words."""
RANGES = ("probability", "mean_mm", "long_mm", "solid_part_mm", "volume_mm3", "growth_mm")
"""Conditions that are numbers from … to …, in the fields NAME-min and NAME-max."""
CATEGORY, MEASUREMENTS = "category", "measurements"
LONGEST = 8000
"""Characters of a field."""

Values = dict[str, Any]
"""What the fields hold: texts, and of CHOICES lists of texts."""
Problems = dict[str, str]
"""What is wrong, by field: the text `alert_rule.wrong_…`."""


def values_of(rule: Rule | None) -> Values:
    """Return what the fields of a rule hold; of None, those of a new one."""
    when = rule.when if rule is not None else None
    values: Values = {
        "name": rule.name if rule else "",
        "title": rule.title if rule else "",
        "title_zh": (rule.title_zh or "") if rule else "",
        "level": rule.level if rule else "hours",
        "per": rule.per if rule else "finding",
        "enabled": rule is None or rule.enabled,
    }
    for name in LISTS:
        values[name] = "\n".join(getattr(when, name)) if when else ""
    for name in CHOICES:
        values[name] = list(getattr(when, name)) if when else []
    for name in RANGES:
        asked = getattr(when, name) if when else None
        values[f"{name}-min"] = _number(asked.min) if asked else ""
        values[f"{name}-max"] = _number(asked.max) if asked else ""
    categories = when.category.items() if when else ()
    values[CATEGORY] = "\n".join(f"{scheme}: {', '.join(wanted)}" for scheme, wanted in categories)
    measured = when.measurements if when else ()
    values[MEASUREMENTS] = "\n".join(
        f"{each.concept}; {each.unit}; {_number(each.min)}; {_number(each.max)}" for each in measured
    )
    return values


def read_values(form: FormData) -> Values:
    """Return what a form that was sent holds."""

    def text(name: str) -> str:
        value = form.get(name, "")
        return value.replace("\r\n", "\n")[:LONGEST].strip() if isinstance(value, str) else ""

    plain = ("name", "title", "title_zh", "level", "per", *LISTS, CATEGORY, MEASUREMENTS)
    values: Values = {name: text(name) for name in plain}
    values["enabled"] = text("enabled") == "yes"
    for name in CHOICES:
        values[name] = [each for each in form.getlist(name) if isinstance(each, str)]
    for name in RANGES:
        values |= {f"{name}-{end}": text(f"{name}-{end}") for end in ("min", "max")}
    return values


def rule_of(values: Values) -> tuple[Rule | None, Problems]:
    """Return the rule that fields make; None and what is wrong where they make none."""
    problems: Problems = {}
    when: dict[str, Any] = {name: _lines(values[name]) for name in LISTS}
    when |= {name: values[name] for name in CHOICES}
    for name in RANGES:
        when[name] = _asked(values, name, problems)
    for name, read in ((CATEGORY, _categories), (MEASUREMENTS, _measurements)):
        when[name] = _unless_wrong(name, read, values[name], problems)
    given = {
        "name": values["name"],
        "title": values["title"],
        "title_zh": values["title_zh"] or None,
        "level": values["level"] if values["level"] in LEVELS else "",
        "per": values["per"],
        "enabled": values["enabled"],
        "when": {name: value for name, value in when.items() if value},
    }
    if not set(given["when"]) - {"readers", "modalities"} and not problems:
        problems["when"] = "wrong_when"
    try:
        rule = Rule.model_validate(given)
    except ValidationError as error:
        for place in (each["loc"] for each in error.errors(include_url=False)):
            field = str(place[1] if place[0] == "when" and len(place) > 1 else place[0])
            problems.setdefault(field, _KIND.get(field, "wrong_text"))
        return None, problems
    return (None, problems) if problems else (rule, {})


_KIND = {
    "name": "wrong_name",
    "title": "wrong_title",
    "when": "wrong_when",
    **dict.fromkeys(RANGES, "wrong_range"),
}


def _unless_wrong(name: str, read: Callable[[str], Any], text: str, problems: Problems) -> Any:  # noqa: ANN401
    try:
        return read(text)
    except ValueError:
        problems[name] = f"wrong_{name}"
        return None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _asked(values: Values, name: str, problems: Problems) -> dict[str, float] | None:
    try:
        ends = {end: _float(values[f"{name}-{end}"]) for end in ("min", "max")}
    except ValueError:
        problems[name] = "wrong_range"
        return None
    return _range(ends, name, problems)


def _range(ends: Mapping[str, float | None], name: str, problems: Problems) -> dict[str, float] | None:
    said = {end: value for end, value in ends.items() if value is not None}
    if len(said) == 2 and said["min"] > said["max"]:
        problems[name] = "wrong_range"
    return said or None


def _float(text: str) -> float | None:
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _categories(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _lines(text):
        scheme, colon, wanted = line.partition(":")
        values = _parts(wanted.split(","))
        if not colon or not scheme.strip() or not values:
            raise ValueError(line)
        found[scheme.strip()] = values
    return found


def _measurements(text: str) -> list[dict[str, Any]]:
    found = []
    for line in _lines(text):
        parts = [part.strip() for part in line.split(";")]
        if len(parts) != 4 or not (parts[2] or parts[3]) or not (parts[0] and parts[1]):
            raise ValueError(line)
        low, high = _float(parts[2]), _float(parts[3])
        if low is not None and high is not None and low > high:
            raise ValueError(line)
        found.append({"concept": parts[0], "unit": parts[1], "min": low, "max": high})
    return found


def _parts(texts: Iterable[str]) -> list[str]:
    return [text.strip() for text in texts if text.strip()]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"
