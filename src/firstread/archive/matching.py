r"""How a key of a query is matched with a column: PS3.4 section C.2.2.2, the same for C-FIND and QIDO-RS."""

import re
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import Boolean, ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from firstread.archive.models import Patient, PatientWord
from firstread.archive.names import folded
from firstread.archive.uids import is_uid
from firstread.errors import UsageError

Kind = Literal["uid", "text", "name", "date", "time", "number"]
Condition = ColumnElement[bool]

NO_VALUE = "\0"
"""As a key: matches where there is no value (PS3.4 section C.2.2.2.7). No text of the archive has it."""
MOST_UIDS = 1000  # of a list; SQLite and PostgreSQL take more
MOST_WORDS = 8  # of a name that is matched fuzzily
_ESCAPE = "\x1b"  # in no column: control characters are left out of them
_LAST = "\U0010ffff"
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


def condition(kind: Kind, column: ColumnElement[Any], value: str, *, keyword: str) -> Condition | None:
    r"""Return what a row must fulfil; None for universal matching (an empty key, or only *).

    Args:
        kind: How values of the attribute are matched.
        column: Where they are kept.
        value: Key of the query; several UIDs are separated by \ or by commas.
        keyword: Names the attribute in the message.

    Raises:
        UsageError: the key is none for an attribute of this kind.
    """
    if value == NO_VALUE:
        return column.is_(None) if kind == "number" else column == ""
    value = value.strip()
    if not value.strip("*"):
        return None
    try:
        return _BY_KIND[kind](column, value)
    except ValueError as error:
        # The key itself is not repeated: it can be a patient's name.
        raise UsageError(f"The key {keyword} cannot be matched.", remedy=f"It takes {error}.") from None


def fuzzy_name(value: str) -> list[Condition]:
    """Return what a patient fulfils whose name has every word of the key, in any order, each as a word's beginning.

    Empty for universal matching.
    """
    return [_has_word(Patient.id, word) for word in _asked(value)]


def bearers(value: str) -> Select[Any] | None:
    """Select the keys of the patients whose names `fuzzy_name` matches, some of them twice; None for all."""
    # The longest word is probably the rarest; the others are looked for among those who have it.
    first, *others = sorted(_asked(value), key=len, reverse=True) or [""]
    if not first:
        return None
    each = [_has_word(PatientWord.patient_key, word) for word in others]
    return select(PatientWord.patient_key).where(_begins(PatientWord.word, first), *each)


def _asked(value: str) -> list[str]:
    return [word for word in re.split(r"[\s^=,*?]+", folded(value)) if word][:MOST_WORDS]


def _has_word(patient_key: InstrumentedAttribute[int], word: str) -> Condition:
    another = aliased(PatientWord)
    return exists().where(another.patient_key == patient_key, _begins(another.word, word))


def _begins(column: ColumnElement[Any] | InstrumentedAttribute[str], beginning: str) -> Condition:
    return and_(column >= beginning, column < beginning + _LAST)


def _uids(column: ColumnElement[Any], value: str) -> Condition:
    uids = [uid.strip() for uid in re.split(r"[\\,]", value)]
    if len(uids) > MOST_UIDS or not all(is_uid(uid) for uid in uids):
        raise ValueError(f"a UID, or up to {MOST_UIDS} separated by \\")
    return column == uids[0] if len(uids) == 1 else column.in_(uids)


def _text(column: ColumnElement[Any], value: str) -> Condition:
    if "*" not in value and "?" not in value:
        return column == value
    part = value.strip("*")
    if value.startswith("*") and value.endswith("*") and "*" not in part and "?" not in part:
        return _Holds(column, part)
    prefix = re.split(r"[*?]", value, maxsplit=1)[0]
    if prefix and value.rstrip("*") == prefix:
        return _begins(column, prefix)
    pattern = "".join(_ESCAPE + c if c in "%_" else {"*": "%", "?": "_"}.get(c, c) for c in value)
    like = column.like(pattern, escape=_ESCAPE)
    # The range says nothing new, but it lets the database use the index.
    return and_(_begins(column, prefix), like) if prefix else like


class _Holds(FunctionElement[bool]):
    """A text is part of a column.

    By LIKE it would take twice as long, as every row is looked at: PostgreSQL works out what `ESCAPE` means anew for
    each row of a prepared statement.
    """

    name = "holds"
    type = Boolean()
    inherit_cache = True


@compiles(_Holds)
def _holds(element: _Holds, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    function = "strpos" if compiler.dialect.name == "postgresql" else "instr"
    return f"{function}({compiler.process(element.clauses, **options)}) > 0"


def _name(column: ColumnElement[Any], value: str) -> Condition:
    """Match without case, and a name without wildcards also where trailing components follow."""
    key = folded(value)
    if "*" in key or "?" in key:
        return _text(column, key)
    return or_(column == key, _begins(column, key + "^"))


def _date(column: ColumnElement[Any], value: str) -> Condition:
    return _range(column, value, _DATE, "", "a date as YYYYMMDD, or a range as YYYYMMDD-YYYYMMDD, -…, …-")


def _time(column: ColumnElement[Any], value: str) -> Condition:
    # The end of a range includes what it begins: 10 means up to 10:59:59.999999.
    return _range(column, value, _TIME, _LAST, "a time as HHMMSS, or a range as HHMM-HHMM, -…, …-")


def _range(
    column: ColumnElement[Any], value: str, form: re.Pattern[str], upper: str, takes: str
) -> Condition:
    first, dash, last = value.partition("-")
    if not dash:
        last = first
    if not all(not end or form.fullmatch(end) for end in (first, last)) or not (first or last):
        raise ValueError(takes)
    if not dash and not upper:
        return column == first
    if first and last and first > last:
        return false()
    # Without a first day too, rows without a date do not match.
    parts = [column >= first if first else column != ""]
    if last:
        parts.append(column <= last + upper)
    return and_(*parts)


def _number(column: ColumnElement[Any], value: str) -> Condition:
    if not re.fullmatch(r"[+-]?\d{1,9}", value):
        raise ValueError("a whole number")
    return column == int(value)


_BY_KIND: dict[Kind, Callable[[ColumnElement[Any], str], Condition]] = {
    "uid": _uids,
    "text": _text,
    "name": _name,
    "date": _date,
    "time": _time,
    "number": _number,
}
