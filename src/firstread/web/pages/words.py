"""Values of DICOM and of findings as pages say them; templates call these."""

from datetime import datetime

from firstread.reports import PatientLine
from firstread.web.wording import PageWording
from firstread.worklist.find import Chip

_GRAVE = {"4A", "4B", "4X"}
"""Lung-RADS v2022: suspicious and very suspicious."""


def person(name: str, t: PageWording) -> str:
    """Return a DICOM person name as it is written for people, or that there is none."""
    return PatientLine(name=name).spoken_name(t.lang) or t("study.no_name")


def day(value: str) -> str:
    """Return a DICOM date as 2026-03-09; what is none as it stands."""
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}" if len(value) == 8 and value.isdigit() else value


def clock(value: str) -> str:
    """Return a DICOM time as 14:05; "" where there is none."""
    return f"{value[:2]}:{value[2:4]}" if len(value) >= 4 and value[:4].isdigit() else ""


def age(birth_date: str, on: str, t: PageWording) -> str:
    """Return the age at a date, in years, and in months below two; "" where a date is missing."""
    try:
        born, then = (datetime.strptime(value, "%Y%m%d") for value in (birth_date, on))
    except ValueError:
        return ""
    months = (then.year - born.year) * 12 + then.month - born.month - (then.day < born.day)
    if months < 0:
        return ""
    return t("study.months", n=months) if months < 24 else t("study.years", n=months // 12)


def place(chip: Chip, t: PageWording) -> str:
    """Return where a finding is, as short as radiologists say it: RUL; else side and third of the lung."""
    if chip.lobe:
        return t("place." + chip.lobe.replace(" ", "_"))
    parts = [key for key in (chip.laterality, chip.zone) if key]
    return t("place.join").join(t(f"place.{key}") for key in parts)


def chip_text(chip: Chip, t: PageWording) -> str:
    """Return a finding in a few words: `4A · 9.2 mm RUL`."""
    if chip.more:
        return t("finding.more", n=chip.more)
    size = t("finding.mm", mm=f"{chip.mm:.1f}") if chip.mm is not None else ""
    kind = t(f"finding.{chip.attenuation.replace('-', '_')}") if chip.attenuation else ""
    change = t(f"finding.{chip.change.replace(' ', '_')}") if chip.change else ""
    where = place(chip, t)
    told = " ".join(part for part in (size, kind, where) if part) or (
        chip.finding if not chip.category else ""
    )
    return " · ".join(part for part in (chip.category, told, change) if part)


def chip_kind(chip: Chip) -> str:
    """Return how a finding is set off: by its category or its growth."""
    if chip.scheme == "Lung-RADS" and chip.category in _GRAVE:
        return "warning"
    return "warning" if chip.change in ("growing", "new") else ""


def moment(value: datetime) -> str:
    """Return a moment for the attribute datetime: in UTC, to the second."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(value: datetime) -> str:
    """Return a moment for people without scripts; a script says it in their time zone, or as a span."""
    return value.strftime("%Y-%m-%d %H:%M UTC")


FUNCTIONS = {
    "person": person,
    "day": day,
    "clock": clock,
    "age": age,
    "chip_text": chip_text,
    "chip_kind": chip_kind,
    "moment": moment,
    "shown": shown,
}
"""By the name that they have in templates."""
