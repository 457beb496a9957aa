"""Finding patients, studies, series and instances by DICOM keys; C-FIND, QIDO-RS and the command line all ask here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, exists, func, select

from firstread.archive.matching import Condition, Kind, condition, fuzzy_name
from firstread.archive.models import Instance, Patient, Series, Study
from firstread.errors import UsageError

Level = Literal["patient", "study", "series", "instance"]
Found = dict[str, str | int | None]
LEVELS: tuple[Level, ...] = ("patient", "study", "series", "instance")


@dataclass(frozen=True)
class Attribute:
    """An attribute that can be asked for: its column, and how it is matched (None: only returned)."""

    column: Any
    kind: Kind | None


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

    Raises:
        UsageError: a keyword is unknown at this level, or a value cannot be matched.
    """
    known = attributes(level)
    conditions: list[Condition] = []
    for keyword, value in keys.items():
        if keyword == MODALITIES and level != "patient":
            conditions += _modalities(value)
            continue
        attribute = known.get(keyword)
        if attribute is None or attribute.kind is None:
            raise UsageError(
                f"{keyword[:64]} is no key at the level {level}.",
                remedy=f"Keys: {', '.join(sorted(name for name, each in known.items() if each.kind))}.",
            )
        column: Any = Patient.name_folded if keyword == "PatientName" else attribute.column
        if fuzzy and keyword == "PatientName":
            matched = fuzzy_name(column, value)
        else:
            matched = condition(attribute.kind, column, value, keyword=keyword)
        if matched is not None:
            conditions.append(matched)
    columns = [attribute.column.label(keyword) for keyword, attribute in known.items()]
    statement = _joined(level, select(*columns, _KEYS[level].label("_key"))).where(*conditions)
    statement = statement.order_by(*_ORDER[level]).offset(offset or None).limit(limit)
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


def _modalities(value: str) -> list[Condition]:
    names = [name.strip() for name in value.replace(",", "\\").split("\\") if name.strip().strip("*")]
    if not names:
        return []
    return [exists().where(Series.study_key == Study.id, Series.modality.in_(names)).correlate(Study)]


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
