"""Finding the studies of the worklist: a page of rows, how many there are, and how many of each stage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from firstread.archive.columns import now
from firstread.archive.models import Job, Patient, PatientWord, ReadingClaim, Study, WorklistEntry
from firstread.archive.names import folded
from firstread.archive.worklist import STAGES
from firstread.worklist.filters import ALL, OPEN, Filters

PAGE = 100
_LAST = "\U0010ffff"
_MOST_WORDS = 8


@dataclass(frozen=True)
class Chip:
    """A fact of a finding for a worklist: e.g. 4A, 9.2 mm, right upper lobe. `more`: so many findings are not told."""

    category: str = ""
    scheme: str = ""
    finding: str = ""
    mm: float | None = None
    lobe: str = ""
    laterality: str = ""
    zone: str = ""
    attenuation: str = ""
    change: str = ""
    more: int = 0


@dataclass(frozen=True)
class Row:
    """A study of the worklist. `claim` is that which holds, of `owner`; `job` is that which is told of."""

    study_uid: str
    name: str
    patient_id: str
    birth_date: str
    sex: str
    accession: str
    description: str
    study_date: str
    study_time: str
    modalities: str
    images: int
    since: datetime
    stage: str
    urgency: int
    priority: int
    alert: str
    category: str
    chips: tuple[Chip, ...]
    job: int | None
    job_state: str
    step: str
    progress: float
    error: str
    claim: int | None
    owner: str
    claimed_by: str
    claimed_at: datetime | None
    held: bool
    conflicts: int
    inconsistent: bool


@dataclass(frozen=True)
class Found:
    """A page of rows; `total` fit the filters; `of_stage` counts those that fit but for the stage."""

    rows: tuple[Row, ...]
    total: int
    of_stage: dict[str, int]
    modalities: tuple[str, ...]
    is_empty: bool

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE))


def find(
    connection: Connection,
    filters: Filters,
    *,
    within: ColumnElement[bool] | None,
    owner: str,
    most: int = PAGE,
) -> Found:
    """Return a page of the worklist.

    Args:
        connection: From `reading`.
        filters: What is wanted.
        within: What a row of `Study` must fulfil to be seen; None: every one may be.
        owner: Whoever asks, as `claims` know them.
        most: Rows of a page.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    seen = [WorklistEntry.listed.is_(True), *([within] if within is not None else [])]
    conditions = [*seen, *_conditions(filters, owner)]
    by_stage = connection.execute(
        _joined(select(WorklistEntry.stage, func.count())).where(*conditions).group_by(WorklistEntry.stage)
    ).all()
    of_stage: dict[str, int] = dict.fromkeys(STAGES, 0)
    of_stage |= {row[0]: row[1] for row in by_stage}
    of_stage[ALL] = sum(of_stage.values())
    of_stage[OPEN] = of_stage[ALL] - of_stage["signed"]
    stage = _of_stage(filters.stage)
    keys = (
        _joined(select(WorklistEntry.study_key))
        .where(*conditions, *stage)
        .order_by(*_ORDER[filters.sort])
        .offset((filters.page - 1) * most)
        .limit(most)
    )
    found = list(connection.execute(keys).scalars())
    rows = {row.key: _row(row) for row in connection.execute(_rows(found))}
    modalities = connection.execute(
        _joined(select(WorklistEntry.modalities).distinct()).where(*seen, WorklistEntry.modalities != "")
    ).scalars()
    anything = _joined(select(Study.id)).where(*seen).limit(1)
    return Found(
        rows=tuple(rows[key] for key in found if key in rows),
        total=of_stage[filters.stage],
        of_stage=of_stage,
        modalities=tuple(sorted({name for each in modalities for name in each.split("\\")})),
        is_empty=not of_stage[ALL] and connection.execute(anything).first() is None,
    )


def find_study(
    connection: Connection, study_uid: str, *, within: ColumnElement[bool] | None
) -> tuple[int, Row] | None:
    """Return the key and the row of one study, listed or not; None where there is none that may be seen."""
    statement = select(Study.id).where(Study.study_uid == study_uid)
    if within is not None:
        statement = statement.where(within)
    key = connection.execute(statement).scalar_one_or_none()
    if key is None:
        return None
    row = connection.execute(_rows([key])).one_or_none()
    return (key, _row(row)) if row is not None else None


def _joined(statement: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    return (
        statement.select_from(WorklistEntry)
        .join(Study, Study.id == WorklistEntry.study_key)
        .join(Patient, Patient.id == Study.patient_key)
        .outerjoin(
            ReadingClaim,
            and_(ReadingClaim.study_key == WorklistEntry.study_key, ReadingClaim.released_at.is_(None)),
        )
    )


def _conditions(filters: Filters, owner: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_has_word(word) for word in folded(filters.q).split()[:_MOST_WORDS]]
    if filters.modality:
        found.append(WorklistEntry.modalities.contains(filters.modality, autoescape=True))
    if filters.urgency < 3:
        found.append(WorklistEntry.urgency <= filters.urgency)
    if filters.whose != "any":
        found.append(ReadingClaim.owner == owner if filters.whose == "mine" else ReadingClaim.owner.is_(None))
    if filters.came != "any":
        found.append(WorklistEntry.since >= now() - timedelta(days=int(filters.came)))
    return found


def _has_word(word: str) -> ColumnElement[bool]:
    """Return the condition that a study has a word: of the name its beginning, and numbers theirs."""
    plain = word.replace("^", " ").strip() or word
    return or_(
        Patient.id.in_(
            select(PatientWord.patient_key).where(PatientWord.word >= plain, PatientWord.word < plain + _LAST)
        ),
        *(_begins(column, word) for column in (Patient.patient_id, Study.accession_number)),
        *(_begins(column, word.upper()) for column in (Patient.patient_id, Study.accession_number)),
        func.lower(Study.description).contains(word, autoescape=True),
        Study.study_uid == word,
    )


def _begins(column: Any, beginning: str) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    return and_(column >= beginning, column < beginning + _LAST)


def _of_stage(stage: str) -> list[ColumnElement[bool]]:
    if stage == ALL:
        return []
    return [WorklistEntry.stage != "signed" if stage == OPEN else WorklistEntry.stage == stage]


_URGENT = (WorklistEntry.urgency, WorklistEntry.since, WorklistEntry.study_key)
_ORDER: dict[str, tuple[Any, ...]] = {
    "urgency": _URGENT,
    "waiting": (WorklistEntry.since, WorklistEntry.study_key),
    "newest": (WorklistEntry.since.desc(), WorklistEntry.study_key.desc()),
    "name": (Patient.name_folded, *_URGENT),
    "modality": (WorklistEntry.modalities, *_URGENT),
    "stage": (WorklistEntry.stage, *_URGENT),
    "category": (WorklistEntry.category.desc(), *_URGENT),
}


def _rows(keys: Sequence[int]) -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    return (
        _joined(
            select(
                WorklistEntry.study_key.label("key"),
                Study.study_uid,
                Patient.name,
                Patient.patient_id,
                Patient.birth_date,
                Patient.sex,
                Study.accession_number.label("accession"),
                Study.description,
                Study.study_date,
                Study.study_time,
                WorklistEntry.modalities,
                Study.number_of_instances.label("images"),
                WorklistEntry.since,
                WorklistEntry.stage,
                WorklistEntry.urgency,
                WorklistEntry.priority,
                WorklistEntry.alert,
                WorklistEntry.category,
                WorklistEntry.summary,
                WorklistEntry.job,
                Job.state.label("job_state"),
                Job.stage.label("step"),
                Job.progress,
                Job.error,
                ReadingClaim.id.label("claim"),
                ReadingClaim.owner,
                ReadingClaim.name.label("claimed_by"),
                ReadingClaim.claimed_at,
                Study.held,
                Study.conflicts,
                Study.inconsistent,
            )
        )
        .outerjoin(Job, Job.id == WorklistEntry.job)
        .where(WorklistEntry.study_key.in_(keys))
    )


def _row(row: Any) -> Row:  # noqa: ANN401 - a row
    facts = dict(row._mapping)
    facts.pop("key")
    chips = tuple(Chip(**chip) for chip in json.loads(facts.pop("summary")))
    for name in ("job_state", "step", "error", "owner", "claimed_by"):
        facts[name] = facts[name] or ""
    return Row(**{**facts, "chips": chips, "progress": facts["progress"] or 0.0})
