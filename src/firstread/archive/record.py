"""Rows of received instances: written so that the same instance, however often and from wherever, is one row."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from firstread.archive.columns import Moment, now
from firstread.archive.departments import department_of
from firstread.archive.header import Header
from firstread.archive.models import Base, Instance, Patient, PatientWord, Series, Study
from firstread.archive.names import folded, person_key, words
from firstread.archive.sources import OWN_SOURCE, PRIOR_SOURCE
from firstread.archive.worklist import refresh

Outcome = Literal["stored", "duplicate", "conflict", "returned"]
SHOWN_EVERY_S = 1.0
"""While more of a study comes, worklists are told so often."""
_MOST_SHOWN = 10_000
_shown_at: dict[tuple[int, int, bool], float] = {}


@dataclass(frozen=True)
class _Version:
    """What is there under a SOP Instance UID: the number of the version, its file, size (bytes) and source."""

    number: int
    file: str
    size: int
    source: str


_Versions = dict[tuple[str, str], _Version]  # by digest and transfer syntax


@dataclass
class Arrival:
    """One instance whose file has the name `name` and waits for its row; `outcome` says what became of it.

    `kept` is the name of the file that holds its bytes: its own, or that of the same instance stored before.
    """

    header: Header
    transfer_syntax_uid: str
    name: str
    size: int
    file_digest: str
    dataset_digest: str
    source: str
    outcome: Outcome = "stored"
    kept: str = ""
    version: int = 1
    error: Exception | None = None
    written: Path | None = None
    durable: "Future[None] | None" = None

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Return what rows are written by, so that no two transactions wait for each other."""
        header = self.header
        return header.patient_key, header.study_uid, header.series_uid, header.sop_instance_uid


def record(
    connection: Connection, arrivals: Sequence[Arrival], *, is_there: Callable[[str, int], bool]
) -> None:
    """Write the rows of a group of arrivals and set their outcomes; the caller commits.

    The same data set in the same transfer syntax is a duplicate, and adds nothing; only where the file of the
    first is gone, that of the second takes its place. Another data set under the same SOP Instance UID is a
    conflict: it gets a version of its own and changes nothing that is there. Where one of the two is a result of
    firstread, it is no conflict: a PACS coerces and re-encodes what it was sent. The other bytes are kept all the same.

    A result of firstread does not make its study newly received, and neither does one that comes back. A duplicate of
    what was fetched as a prior does: it has come by itself now, and has the source from which it came.

    Args:
        connection: In a transaction that writes.
        arrivals: Instances whose files are on the disk.
        is_there: Tells whether a file of this name and size (bytes) is on the disk.
    """
    keys: dict[tuple[str, str], tuple[int, int]] = {}
    known = _versions(connection, [arrival.header.sop_instance_uid for arrival in arrivals])
    begun: set[int] = set()
    new: list[Arrival] = []
    came: list[Arrival] = []
    for arrival in sorted(arrivals, key=lambda arrival: arrival.order):
        versions = known.setdefault(arrival.header.sop_instance_uid, {})
        content = (arrival.dataset_digest, arrival.transfer_syntax_uid)
        if content in versions:
            arrival.outcome = "duplicate"
            there = versions[content]
            arrival.version, arrival.kept = there.number, there.file
            if arrival.kept == arrival.name:  # an earlier try was committed after all
                arrival.outcome = "stored" if arrival.version == 1 else _other_bytes(arrival, versions)
            elif not is_there(arrival.kept, there.size):
                _replace(connection, arrival)
            if there.source == PRIOR_SOURCE and arrival.source not in (PRIOR_SOURCE, OWN_SOURCE):
                came.append(arrival)
            continue
        arrival.version = 1 + max((each.number for each in versions.values()), default=0)
        arrival.outcome, arrival.kept = (
            (_other_bytes(arrival, versions) if versions else "stored"),
            arrival.name,
        )
        versions[content] = _Version(arrival.version, arrival.name, arrival.size, arrival.source)
        series = (arrival.header.study_uid, arrival.header.series_uid)
        if series not in keys:
            keys[series], is_new = _series(connection, arrival)
            if is_new:
                begun.add(keys[series][0])
        new.append(arrival)
    if new:
        rows = [_row(each, keys[each.header.study_uid, each.header.series_uid][1]) for each in new]
        connection.execute(_ADD, rows)
        _count(connection, new, keys)
    if came:
        _mark_received(connection, came)
    _show(connection, new, keys, begun, came)


def _show(
    connection: Connection,
    new: Sequence[Arrival],
    keys: dict[tuple[str, str], tuple[int, int]],
    begun: set[int],
    came: Sequence[Arrival],
) -> None:
    """Bring the rows of the worklist up to date: at each new series, and else once a second as more comes."""
    shown: dict[int, bool] = {}
    for arrival in new:
        study = keys[arrival.header.study_uid, arrival.header.series_uid][0]
        shown[study] = shown.get(study, False) or arrival.source not in (OWN_SOURCE, PRIOR_SOURCE)
    if came:
        uids = [arrival.header.study_uid for arrival in came]
        shown |= dict.fromkeys(
            connection.execute(select(Study.id).where(Study.study_uid.in_(uids))).scalars(), True
        )
    present = monotonic()
    for study, listed in sorted(shown.items()):
        mark = (id(connection.engine), study, listed)
        if study in begun or came or present - _shown_at.get(mark, -SHOWN_EVERY_S) >= SHOWN_EVERY_S:
            refresh(connection, study, listed=listed)
            _shown_at[mark] = present
    if len(_shown_at) > _MOST_SHOWN:
        _shown_at.clear()


def _mark_received(connection: Connection, came: Sequence[Arrival]) -> None:
    for arrival in came:
        connection.execute(
            update(Instance).where(Instance.file == arrival.kept).values(source=arrival.source)
        )
    for study_uid in sorted({arrival.header.study_uid for arrival in came}):
        connection.execute(update(Study).where(Study.study_uid == study_uid).values(last_received_at=now()))


def _other_bytes(arrival: Arrival, versions: _Versions) -> Outcome:
    sources = {arrival.source, *(each.source for each in versions.values())}
    return "returned" if OWN_SOURCE in sources else "conflict"


def _replace(connection: Connection, arrival: Arrival) -> None:
    connection.execute(
        update(Instance)
        .where(Instance.file == arrival.kept)
        .values(file=arrival.name, size=arrival.size, file_digest=arrival.file_digest)
    )
    arrival.kept = arrival.name


def _versions(connection: Connection, uids: Sequence[str]) -> dict[str, _Versions]:
    found: dict[str, _Versions] = {}
    for row in connection.execute(_VERSIONS, {"uids": list(uids)}):
        content = (row.dataset_digest, row.transfer_syntax_uid)
        version = _Version(row.version, row.file, row.size, row.source)
        found.setdefault(row.sop_instance_uid, {})[content] = version
    return found


def _row(arrival: Arrival, series_key: int) -> dict[str, Any]:
    header = arrival.header
    return {
        "series_key": series_key,
        "sop_instance_uid": header.sop_instance_uid,
        "version": arrival.version,
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": arrival.transfer_syntax_uid,
        "number": header.instance_number,
        "rows": header.rows,
        "columns": header.columns,
        "frames": header.frames,
        "bits_allocated": header.bits_allocated,
        "file": arrival.name,
        "size": arrival.size,
        "file_digest": arrival.file_digest,
        "dataset_digest": arrival.dataset_digest,
        "source": arrival.source,
    }


def _series(connection: Connection, arrival: Arrival) -> tuple[tuple[int, int], bool]:
    """Return the keys of the study and of the series, which is made where it is not there yet, and whether it was."""
    header = arrival.header
    uids = {"of_study": header.study_uid, "of_series": header.series_uid}
    found = connection.execute(_SERIES, uids).one_or_none()
    if found is None:
        study, patient_key = _study(connection, arrival)
        series = _made(
            connection,
            Series,
            {"study_key": study, "series_uid": header.series_uid},
            {
                "modality": header.modality,
                "number": header.series_number,
                "description": header.series_description,
                "body_part": header.body_part,
                "step_date": header.step_date,
                "step_time": header.step_time,
                "scheduled_step_id": header.scheduled_step_id,
                "requested_procedure_id": header.requested_procedure_id,
                "number_of_instances": 0,
            },
        )
    else:
        study, series, patient_key = found
    # A result has what could be read of its source's patient: of a damaged header less than the header itself.
    if patient_key != header.patient_key and arrival.source != OWN_SOURCE:
        connection.execute(update(Study).where(Study.id == study).values(inconsistent=True))
    return (study, series), found is None


def _study(connection: Connection, arrival: Arrival) -> tuple[int, str]:
    header = arrival.header
    found = connection.execute(
        select(Study.id, Patient.key).join(Patient, Patient.id == Study.patient_key)
        .where(Study.study_uid == header.study_uid)
    ).one_or_none()  # fmt: skip
    if found is not None:
        return found[0], found[1]
    patient = _made(
        connection,
        Patient,
        {"key": header.patient_key},
        {
            "patient_id": header.patient_id,
            "issuer": header.issuer,
            "name": header.patient_name,
            "name_folded": folded(header.patient_name),
            "birth_date": header.birth_date,
            "sex": header.sex,
        },
    )
    _add_words(connection, patient)
    study = _made(
        connection,
        Study,
        {"study_uid": header.study_uid},
        {
            "patient_key": patient,
            "study_id": header.study_id,
            "study_date": header.study_date,
            "study_time": header.study_time,
            "accession_number": header.accession_number,
            "description": header.study_description,
            "referring_physician": header.referring_physician,
            "referring_key": person_key(header.referring_physician),
            "referring_id": header.referring_id,
            "sender": arrival.source,
            "institution": header.institution,
            "institutional_department": header.department,
            "department": department_of(connection, arrival.source, header.institution, header.department),
            "number_of_series": 0,
            "number_of_instances": 0,
        },
    )
    # Another process may have made the study meanwhile, for another patient.
    key = connection.execute(
        select(Patient.key).join(Study, Study.patient_key == Patient.id).where(Study.id == study)
    ).scalar_one()
    return study, key


def _add_words(connection: Connection, patient: int) -> None:
    """Add the words of a patient's name, as the first row has it, where they are not there already."""
    name = connection.execute(select(Patient.name).where(Patient.id == patient)).scalar_one()
    if rows := [{"patient_key": patient, "word": word} for word in words(name)]:
        connection.execute(_insert(connection, PatientWord).on_conflict_do_nothing(), rows)


def _made(connection: Connection, table: type[Base], identity: dict[str, Any], rest: dict[str, Any]) -> int:
    """Return the key of the row with this identity; make it where it is not there, whoever else does so too."""
    model: Any = table
    connection.execute(_insert(connection, table).values(**identity, **rest).on_conflict_do_nothing())
    same = [getattr(model, column) == value for column, value in identity.items()]
    return int(connection.execute(select(model.id).where(*same)).scalar_one())


def _insert(connection: Connection, table: type[Base]) -> Any:  # noqa: ANN401 - of either dialect
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _count(
    connection: Connection, new: Sequence[Arrival], keys: dict[tuple[str, str], tuple[int, int]]
) -> None:
    """Bring the numbers of studies and series up to date."""
    stored: Counter[tuple[str, str]] = Counter()
    conflicts: Counter[int] = Counter()
    received: set[int] = set()
    for arrival in new:
        series = (arrival.header.study_uid, arrival.header.series_uid)
        study = keys[series][0]
        stored[series] += arrival.outcome == "stored"
        conflicts[study] += arrival.outcome == "conflict"
        if arrival.outcome != "returned" and arrival.source != OWN_SOURCE:
            received.add(study)
    studies: Counter[int] = Counter()
    counted = []
    for series, (study, key) in sorted(keys.items(), key=lambda item: item[1]):
        studies[study] += stored[series]
        counted.append({"of_series": key, "more": stored[series]})
    connection.execute(_COUNT_SERIES, counted)
    at = now()
    connection.execute(
        _COUNT_STUDY,
        [
            {
                "of_study": study,
                "more": number,
                "more_conflicts": conflicts[study],
                "at": at if study in received else None,
            }
            for study, number in sorted(studies.items())
        ],
    )


# What every instance needs is put together once: that takes SQLAlchemy longer than the database takes to answer.
_VERSIONS = select(
    Instance.sop_instance_uid,
    Instance.dataset_digest,
    Instance.transfer_syntax_uid,
    Instance.version,
    Instance.file,
    Instance.size,
    Instance.source,
).where(Instance.sop_instance_uid.in_(bindparam("uids", expanding=True)))
_SERIES = (
    select(Study.id, Series.id, Patient.key)
    .join(Series, and_(Series.study_key == Study.id, Series.series_uid == bindparam("of_series")))
    .join(Patient, Patient.id == Study.patient_key)
    .where(Study.study_uid == bindparam("of_study"))
)
_ADD = insert(Instance)
_COUNT_SERIES = (
    update(Series)
    .where(Series.id == bindparam("of_series"))
    .values(number_of_instances=Series.number_of_instances + bindparam("more"))
)
_COUNT_STUDY = (
    update(Study)
    .where(Study.id == bindparam("of_study"))
    .values(
        number_of_instances=Study.number_of_instances + bindparam("more"),
        number_of_series=select(func.count(Series.id))
        .where(Series.study_key == bindparam("of_study"), Series.number_of_instances > 0)
        .scalar_subquery(),
        conflicts=Study.conflicts + bindparam("more_conflicts"),
        last_received_at=func.coalesce(bindparam("at", type_=Moment), Study.last_received_at),
    )
)
