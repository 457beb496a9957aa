"""How numbers, dates and foreign strings are written in a report. Formats only; computes nothing."""

import math
import re
import unicodedata
from datetime import date, datetime

from firstread.reports.wording import Wording

NOTHING = "–"
UNITS = {
    "[hnsf'U]": "HU",
    "mm3": "mm³",
    "mm2": "mm²",
    "cm3": "cm³",
    "mm": "mm",
    "cm": "cm",
    "%": "%",
    "1": "",
    "d": "d",
    "mL": "mL",
    "{score}": "",
}
MINUS, PLUS = "\N{MINUS SIGN}", "+"
ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def number(value: float | None, digits: int) -> str:
    """Write a number with so many decimals; a dash for none, or for what is not a number."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text.replace("-", MINUS) if float(text) else text.lstrip("-")


def mm(value: float | None) -> str:
    """Write millimetres to 0.1 mm, without the unit."""
    return number(value, 1)


def mm3(value: float | None) -> str:
    """Write cubic millimetres as a whole number, without the unit."""
    return number(value, 0)


def signed_mm(value: float | None) -> str:
    """Write a change in millimetres with its sign."""
    text = mm(value)
    return text if text == NOTHING or text.startswith(MINUS) else f"{PLUS}{text}"


def spacing(value: float | None) -> str:
    """Write a voxel size to 0.001 mm, without idle zeros at the end of it."""
    text = number(value, 3)
    return text if text == NOTHING else re.sub(r"(\.\d+?)0+$", r"\1", text)


def days(value: float | None) -> str:
    """Write a number of days, whole."""
    return number(value, 0)


def score(value: float) -> str:
    """Write a probability to 0.01."""
    return number(value, 2)


def quantity(value: float, unit: str) -> str:
    """Write a measurement with its UCUM unit as people write it."""
    digits = 0 if unit in {"mm3", "[hnsf'U]"} else 1
    if unit == "{score}" and value < 1:
        digits = 2  # a share; scores from 1 up are ratings
    return f"{number(value, digits)} {UNITS.get(unit, clean(unit, 20))}".rstrip()


def day(value: date, words: Wording) -> str:
    """Write a date without room for the two orders of day and month."""
    if words.lang == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {ENGLISH_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime, words: Wording) -> str:
    """Write a date and time of day, with the time zone where the value has one."""
    zone = value.strftime("%z")
    zone = f" UTC{zone[:3]}:{zone[3:5]}" if zone and zone[:5] != "+0000" else (" UTC" if zone else "")
    return f"{day(value.date(), words)} {value:%H:%M}{zone}"


def clean(text: str, longest: int = 300) -> str:
    """Make a foreign string safe to print: one line, no control or direction characters, a limited length."""
    kept = "".join(
        " " if char.isspace() else char for char in text[: 8 * longest] if char.isspace() or _printable(char)
    )
    line = " ".join(kept.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def _printable(char: str) -> bool:
    # control, format (direction overrides hide what a text says), surrogate, private, unassigned
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def capital(text: str) -> str:
    """Write the first letter as a capital, leaving the others alone."""
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """Write the first letter small, for use within a sentence, unless it begins an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == "-" else text
