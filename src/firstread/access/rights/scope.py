"""Scopes: the studies that a rule is about, as they are written and as a condition of SQL.

There is one meaning of a scope, the condition; a decision on a single study asks the database for it too.
"""

import re
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, exists, false, literal_column, or_, select, true, union_all
from sqlalchemy.orm import aliased

from firstread.access.rights.models import CollectedStudy, Collection, Treatment
from firstread.archive.columns import now
from firstread.archive.models import Patient, Series, Study
from firstread.archive.names import person_key
from firstread.errors import UsageError

ALL = "*"
MINE = "mine"
KINDS = ("department", "project", "dataset", "patient", "modality", "study")
_WITH_MINE = ("department", "project", "patient")
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_REMEDY = (
    "Write *, department:mine, department:NAME, project:mine, project:NAME, dataset:NAME, patient:mine, "
    "patient:ID, modality:CT or study:UID; several joined by ; must all hold."
)


@dataclass(frozen=True)
class Standing:
    """What an actor has at this moment, as scopes look at it.

    Args:
        key: `Actor.key`.
        subjects: What rules may name to mean it: itself and its roles.
        departments: That it belongs to.
        projects: That it belongs to.
        referring: Names and codes by which DICOM calls it as the referring physician.
        broken: Keys and scopes of the glass that it broke and that is open now.
    """

    key: str
    subjects: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    referring: frozenset[str] = frozenset()
    broken: tuple[tuple[int, str], ...] = field(default=())


def parse_scope(text: str) -> str:
    """Return a scope in its one form: its terms in order.

    Raises:
        UsageError: it is none.
    """
    if text.strip() == ALL:
        return ALL
    terms = sorted({_term(part) for part in text.split(";")})
    return ";".join(terms)


def _term(text: str) -> str:
    kind, colon, value = (part.strip() for part in text.partition(":"))
    wrong = not colon or kind not in KINDS or not value or not value.isprintable() or len(value) > 256
    if kind == "study" and not wrong:
        wrong = not _UID.fullmatch(value) or len(value) > 64
    if kind == "modality":
        value = value.upper()
    if wrong:
        raise UsageError("A scope cannot be read.", remedy=_REMEDY)
    return f"{kind}:{value}"


def as_condition(scope: str, standing: Standing) -> ColumnElement[bool]:
    """Return what a row of `Study` must fulfil to be in a scope, for the actor of this standing."""
    if scope == ALL:
        return true()
    return and_(*(_of_term(term, standing) for term in scope.split(";")))


def _of_term(term: str, standing: Standing) -> ColumnElement[bool]:
    kind, _, value = term.partition(":")
    mine = value == MINE and kind in _WITH_MINE
    if kind == "department":
        return _one_of_departments(standing.departments if mine else frozenset((value,)))
    if kind in ("project", "dataset"):
        return _collected(kind, standing.projects if mine else frozenset((value,)))
    if kind == "patient":
        return _related(standing) if mine else _of_patient(value)
    if kind == "modality":
        return exists().where(Series.study_key == Study.id, Series.modality == value).correlate(Study)
    return Study.study_uid == value


def _one_of_departments(names: frozenset[str]) -> ColumnElement[bool]:
    return Study.department.in_(sorted(names - {""})) if names - {""} else false()


def _collected(kind: str, names: frozenset[str]) -> ColumnElement[bool]:
    if not names:
        return false()
    return Study.id.in_(
        select(CollectedStudy.study_key)
        .join(Collection, Collection.id == CollectedStudy.collection_key)
        .where(Collection.kind == kind, Collection.name.in_(sorted(names)))
        .correlate(None)
    )


def _related(standing: Standing) -> ColumnElement[bool]:
    """Return: the actor referred the patient for the study, or treats the patient."""
    treated = (
        select(Treatment.patient_key)
        .where(Treatment.actor == standing.key, or_(Treatment.until.is_(None), Treatment.until > now()))
        .correlate(None)
    )
    names = sorted({person_key(name) for name in standing.referring} - {""})
    if not names:
        return Study.patient_key.in_(treated)
    codes = sorted(standing.referring - {""})
    # Each by its index: as one condition with OR, PostgreSQL reads every study. What the indexes leave out is left
    # out of the question too, or they are not used.
    one = aliased(Study)
    return Study.id.in_(
        union_all(
            select(one.id).where(one.patient_key.in_(treated)),
            select(one.id).where(one.referring_key != literal_column("''"), one.referring_key.in_(names)),
            select(one.id).where(one.referring_id != literal_column("''"), one.referring_id.in_(codes)),
        )
    )


def _of_patient(value: str) -> ColumnElement[bool]:
    r"""Return: the patient has this Patient ID, or, of another issuer, ISSUER\ID."""
    key = value if "\\" in value else f"\\{value}"
    return Study.patient_key.in_(select(Patient.id).where(Patient.key == key).correlate(None))
