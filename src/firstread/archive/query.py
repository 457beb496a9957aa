"""Finding patients, studies, series and instances by DICOM keys; C-FIND, QIDO-RS and the command line all ask here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, exists, func, select

from firstread.archive.matching import NO_VALUE, Condition, Kind, bearers, condition, fuzzy_name
from firstread.archive.models import Instance, Patient, PatientWord, Series, Study
from firstread.archive.narrowing import named
from firstread.errors import UsageError

Level = Literal["patient", "study", "series", "instance"]
Found = dict[str, str | int | None]
LEVELS: tuple[Level, ...] = ("patient", "study", "series", "instance")


@dataclass(frozen=True)
class Attribute:
    """An attribute that can be asked for: its column, and how it is matched (None: only returned)."""

    column: Any
    kind: Kind | None


REQUEST = "RequestAttributesSequence"
"""An attribute in a sequence is named with a dot between, as in PS3.18 section 8.3.4.1."""
ATTRIBUTES: dict[Level, dict[str, Attribute]] = {
    "patient": {
        "PatientName": Attribute(Patient.name, "name"),
        "PatientID": Attribute(Patient.patient_id, "text"),
        "IssuerOfPatientID": Attribute(Patient.issuer, "text"),
        "PatientBirthDate": Attribute(Patient.birth_date, "date"),
        "PatientSex": Attribute(Patient.sex, "text"),
    },
    "study": {
        "StudyInstanceUID": Attribute(Study.study_uid, "uid"),
        "StudyDate": Attribute(Study.study_date, "date"),
        "StudyTime": Attribute(Study.study_time, "time"),
        "AccessionNumber": Attribute(Study.accession_number, "text"),
        "StudyID": Attribute(Study.study_id, "text"),
        "StudyDescription": Attribute(Study.description, "text"),
        "ReferringPhysicianName": Attribute(Study.referring_physician, "text"),
        "NumberOfStudyRelatedSeries": Attribute(Study.number_of_series, None),
        "NumberOfStudyRelatedInstances": Attribute(Study.number_of_instances, None),
    },
    "series": {
        "SeriesInstanceUID": Attribute(Series.series_uid, "uid"),
        "Modality": Attribute(Series.modality, "text"),
        "SeriesNumber": Attribute(Series.number, "number"),
        "SeriesDescription": Attribute(Series.description, "text"),
        "BodyPartExamined": Attribute(Series.body_part, "text"),
        "PerformedProcedureStepStartDate": Attribute(Series.step_date, "date"),
        "PerformedProcedureStepStartTime": Attribute(Series.step_time, "time"),
        f"{REQUEST}.ScheduledProcedureStepID": Attribute(Series.scheduled_step_id, "text"),
        f"{REQUEST}.RequestedProcedureID": Attribute(Series.requested_procedure_id, "text"),
        "NumberOfSeriesRelatedInstances": Attribute(Series.number_of_instances, None),
    },
    "instance": {
        "SOPInstanceUID": Attribute(Instance.sop_instance_uid, "uid"),
        "SOPClassUID": Attribute(Instance.sop_class_uid, "uid"),
        "InstanceNumber": Attribute(Instance.number, "number"),
        "AvailableTransferSyntaxUID": Attribute(Instance.transfer_syntax_uid, "uid"),
        "NumberOfFrames": Attribute(Instance.frames, None),
        "Rows": Attribute(Instance.rows, None),
        "Columns": Attribute(Instance.columns, None),
        "BitsAllocated": Attribute(Instance.bits_allocated, None),
    },
}
MODALITIES = "ModalitiesInStudy"
"""Asked for and returned at the level of studies: several modalities, separated by \\."""


def find(
    connection: Connection,
    level: Level,
    keys: Mapping[str, str],
    *,
    limit: int | None = None,
    offset: int = 0,
    fuzzy: bool = False,
    empty: bool = False,
    within: Condition | None = None,
) -> list[Found]:
    r"""Return what matches every key, with all attributes of its level and of those above.

    Studies come newest first; series and instances by number. Of an instance only version 1 is found.

    Args:
        connection: From `reading`.
        level: What is looked for.
        keys: Values to match by DICOM keyword, of this level or one above; an empty value matches everything.
        limit: At most so many; None returns all.
        offset: So many are left out first.
        fuzzy: A patient's name matches where it has the words of the key, or words that begin so, in any order.
        empty: The key "" (two quotation marks) matches where there is no value (PS3.4 section C.2.2.2.7).
        within: What a row of `Study` must fulfil to be found, whatever the keys; a patient must have such a study.

    Raises:
        UsageError: a keyword is unknown at this level, or a value cannot be matched.
    """
    known = attributes(level)
    _check(level, keys, known)
    if empty:
        keys = {keyword: NO_VALUE if value == '""' else value for keyword, value in keys.items()}
    if level == "patient":
        bearing, patients = _patients(keys, fuzzy)
        few = named(connection, bearing, Patient.id) if patients else None
        conditions = patients if few is None else [few]
        if within is not None:
            conditions = [*conditions, Patient.id.in_(select(Study.patient_key).where(within))]
    else:
        conditions = [
            *_narrowed(connection, keys, fuzzy, within),
            *_matched("series", keys),
            *_matched("instance", keys),
        ]
    columns = [attribute.column.label(keyword) for keyword, attribute in known.items()]
    statement = _joined(level, select(*columns, _KEYS[level].label("_key"))).order_by(*_ORDER[level])
    if level == "study" and (limit is not None or offset):
        # What is left out by the offset is not looked at but in the index.
        page = (
            select(Study.id).where(*conditions).order_by(*_ORDER[level]).offset(offset or None).limit(limit)
        )
        statement = statement.where(Study.id.in_(page))
    else:
        statement = statement.where(*conditions).offset(offset or None).limit(limit)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    if level == "study":
        _add_modalities(connection, rows)
    for row in rows:
        row.pop("_key")
    return rows


def attributes(level: Level) -> dict[str, Attribute]:
    """Return what a level returns: its own attributes and those of the levels above."""
    above = LEVELS[: LEVELS.index(level) + 1]
    return {keyword: each for one in above for keyword, each in ATTRIBUTES[one].items()}


def _check(level: Level, keys: Mapping[str, str], known: Mapping[str, Attribute]) -> None:
    for keyword in keys:
        if keyword == MODALITIES and level != "patient":
            continue
        attribute = known.get(keyword)
        if attribute is None or attribute.kind is None:
            raise UsageError(
                f"{keyword[:64]} is no key at the level {level}.",
                remedy=f"Keys: {', '.join(sorted(name for name, each in known.items() if each.kind))}.",
            )


def _matched(level: Level, keys: Mapping[str, str], *, indexed: bool = True) -> list[Condition]:
    """Return what the keys of one level demand; `indexed`: of dates by their index."""
    found = []
    for keyword, attribute in ATTRIBUTES[level].items():
        if attribute.kind is not None and keyword in keys:
            column: Any = Patient.name_folded if keyword == "PatientName" else attribute.column
            if attribute.kind == "date" and not indexed:
                column = column.concat("")
            found.append(condition(attribute.kind, column, keys[keyword], keyword=keyword))
    return [each for each in found if each is not None]


def _narrowed(
    connection: Connection, keys: Mapping[str, str], fuzzy: bool, within: Condition | None
) -> list[Condition]:
    """Return what the keys of patients and studies demand of a study, and what it must be within."""
    little: list[Condition] = []
    tested: list[Condition] = []

    def demand(named_keys: Select[Any], column: Any, conditions: list[Condition]) -> None:  # noqa: ANN401
        # Of the few studies that are known already each is looked at: that takes less than looking up a part of a name.
        few = named(connection, named_keys, column) if not little else None
        if few is None:
            tested.extend(conditions)
        else:
            little.append(few)

    if within is not None:
        demand(select(Study.id).where(within), Study.id, [within])
    bearing, patients = _patients(keys, fuzzy)
    if patients:
        fits = exists().where(Patient.id == Study.patient_key, *patients).correlate(Study)
        demand(bearing, Study.patient_key, [fits])
    if modalities := _modalities(keys.get(MODALITIES, "")):
        has = exists().where(Series.study_key == Study.id, Series.modality.in_(modalities)).correlate(Study)
        demand(select(Series.study_key).where(Series.modality.in_(modalities)), Study.id, [has])
    # Where a key names little, a range of dates could lure the database into walking along it all the same.
    studies = _matched("study", keys, indexed=not little)
    if any(ATTRIBUTES["study"][keyword].kind == "text" for keyword in keys if keyword in ATTRIBUTES["study"]):
        demand(select(Study.id).where(*studies, *little), Study.id, studies)
    else:
        tested += studies
    return [*little, *tested]


def _patients(keys: Mapping[str, str], fuzzy: bool) -> tuple[Select[Any], list[Condition]]:
    """Return the keys of the patients that match, and the same as conditions."""
    name = keys.get("PatientName", "") if fuzzy else ""
    if name in ("", NO_VALUE):
        conditions = _matched("patient", keys)
        return select(Patient.id).where(*conditions), conditions
    others = _matched("patient", {keyword: keys[keyword] for keyword in keys if keyword != "PatientName"})
    chosen = bearers(name)
    if chosen is None:
        return select(Patient.id).where(*others), others
    if others:
        chosen = chosen.join(Patient, Patient.id == PatientWord.patient_key).where(*others)
    return chosen, [*others, *fuzzy_name(name)]


def _modalities(value: str) -> list[str]:
    if value == NO_VALUE:
        return [""]
    return [name.strip() for name in value.replace(",", "\\").split("\\") if name.strip().strip("*")]


def _add_modalities(connection: Connection, rows: list[Found]) -> None:
    """Add the modalities of the studies, in one more query instead of one aggregate a row."""
    held: dict[object, list[str]] = {row["_key"]: [] for row in rows}
    keys = list(held)
    for at in range(0, len(keys), 500):
        statement = (
            select(Series.study_key, Series.modality)
            .where(Series.study_key.in_(keys[at : at + 500]), Series.modality != "")
            .group_by(Series.study_key, Series.modality)
            .order_by(Series.study_key, Series.modality)
        )
        for study, modality in connection.execute(statement):
            held[study].append(modality)
    for row in rows:
        row[MODALITIES] = "\\".join(held[row["_key"]])


def _joined(level: Level, statement: Select[Any]) -> Select[Any]:
    if level == "patient":
        return statement.select_from(Patient)
    statement = statement.select_from(Study).join(Patient, Patient.id == Study.patient_key)
    if level == "study":
        return statement
    statement = statement.join(Series, Series.study_key == Study.id)
    if level == "series":
        return statement
    return statement.join(Instance, (Instance.series_key == Series.id) & (Instance.version == 1))


_KEYS: dict[Level, Any] = {
    "patient": Patient.id,
    "study": Study.id,
    "series": Series.id,
    "instance": Instance.id,
}
_ORDER: dict[Level, tuple[Any, ...]] = {
    "patient": (Patient.name_folded, Patient.id),
    "study": (Study.study_date.desc(), Study.study_time.desc(), Study.id.desc()),
    "series": (Series.study_key, func.coalesce(Series.number, 2**31 - 1), Series.id),
    "instance": (Instance.series_key, func.coalesce(Instance.number, 2**31 - 1), Instance.id),
}
