"""Dates moved by whole days, and ages that are too rare to tell (PS3.5 section 6.2: DA, DT, AS)."""

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?([+-]\d{4})?")
OLDEST_YEARS = 89
OLDER = "090Y"


def shifted_date(value: str, offset: timedelta) -> str:
    """Return a date (DA) moved; "" where it is none."""
    found = _DATE.fullmatch(value.strip())
    return _moved(found[1], found[2], found[3], offset) if found else ""


def shifted_date_time(value: str, offset: timedelta) -> str:
    """Return a date and time (DT) moved, the time and the zone kept, as exact as it was; "" where it is none."""
    found = _DATE_TIME.fullmatch(value.strip())
    if not found:
        return ""
    year, month, day, time, zone = found.groups()
    moved = _moved(year, month or "01", day or "01", offset)
    digits = 4 + 2 * bool(month) + 2 * bool(day)
    return moved[:digits] + (time or "") + (zone or "") if moved else ""


def blurred_age(value: str) -> str:
    """Return an age (AS); one over 89 years is told as 90, as so few people have it."""
    number = value.strip()[:3]
    too_old = value.strip()[3:] == "Y" and number.isdigit() and int(number) > OLDEST_YEARS
    return OLDER if too_old else value


def _moved(year: str, month: str, day: str, offset: timedelta) -> str:
    try:
        return f"{date(int(year), int(month), int(day)) + offset:%Y%m%d}".zfill(8)
    except (ValueError, OverflowError):
        return ""
