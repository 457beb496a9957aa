"""Identifiers of queries: a DICOM data set as keys of the archive, and what was found as a data set (PS3.4 annex C)."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pynetdicom import evt

from firstread.archive.query import MODALITIES, REQUEST, Found, Level, attributes
from firstread.errors import UsageError

LEVELS: dict[str, Level] = {"PATIENT": "patient", "STUDY": "study", "SERIES": "series", "IMAGE": "instance"}
UNIQUE: dict[Level, str] = {
    "patient": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "instance": "SOPInstanceUID",
}
_NOT_MATCHED = {"QueryRetrieveLevel", "SpecificCharacterSet", "RetrieveAETitle", "InstanceAvailability"}
_UTF_8 = "ISO_IR 192"
LARGEST_IDENTIFIER = 131_072  # bytes: of a query; a list of a thousand UIDs is half of it


@dataclass(frozen=True)
class Query:
    """What is asked: a level, keys to match, and keywords to return; `ignored`: keys that cannot be matched."""

    level: Level
    keys: dict[str, str]
    returned: tuple[str, ...]
    ignored: bool


def identifier_of(event: evt.Event) -> Dataset:
    """Return the identifier of a request of C-FIND, C-MOVE or C-GET.

    Raises:
        UsageError: it is larger than any query; decoding it could take minutes.
    """
    refuse_larger(cast(Any, event.request).Identifier, LARGEST_IDENTIFIER)
    return event.identifier


def refuse_larger(encoded: BytesIO | None, most: int) -> None:
    """Refuse a data set that is larger than so many bytes, before anything of it is decoded.

    Raises:
        UsageError: it is.
    """
    if encoded is not None and encoded.getbuffer().nbytes > most:
        raise UsageError(f"It is larger than {most} bytes.", remedy="Ask in parts.")


def read_query(identifier: Dataset, *, study_root: bool) -> Query:
    """Return what an identifier asks.

    Keys of the levels above may be given or not (relational queries are always allowed). Keys that the archive
    does not match are returned empty, as PS3.4 section C.2.2.1.3 has it for optional keys.

    Raises:
        UsageError: there is no level, or none of this information model.
    """
    level = LEVELS.get(str(identifier.get("QueryRetrieveLevel", "")).strip())
    if level is None or (study_root and level == "patient"):
        raise UsageError(
            "The identifier has no level of this information model.", remedy="Give QueryRetrieveLevel."
        )
    known = attributes(level)
    keys: dict[str, str] = {}
    returned: list[str] = []
    ignored = False
    for element in identifier:
        keyword = keyword_for_tag(element.tag)
        if not keyword or keyword in _NOT_MATCHED:
            continue
        returned.append(keyword)
        for name, value in _values(keyword, element):
            matched = known.get(name)
            if (matched is not None and matched.kind) or (name == MODALITIES and level != "patient"):
                keys[name] = value
            else:
                ignored = True
    return Query(level, keys, tuple(returned), ignored)


def unique_keys(query: Query) -> dict[str, str]:
    """Return the unique keys of a C-MOVE or C-GET: that of its level, and those above where they are given.

    Raises:
        UsageError: that of its level is missing, or has wildcards; nobody retrieves a whole archive by mistake.
    """
    value = query.keys.get(UNIQUE[query.level], "")
    if not value or any(c in value for c in "*?"):
        raise UsageError(
            f"A retrieval at this level needs {UNIQUE[query.level]}.", remedy="Give it without wildcards."
        )
    return {keyword: query.keys[keyword] for keyword in UNIQUE.values() if keyword in query.keys}


def answer(query: Query, found: Found, *, retrieve_ae_title: str) -> Dataset:
    """Return one match as the identifier of a response: what was asked for, and where it can be retrieved."""
    made = Dataset()
    made.QueryRetrieveLevel = next(name for name, level in LEVELS.items() if level == query.level)
    made.RetrieveAETitle = retrieve_ae_title
    for keyword in {*query.returned, UNIQUE[query.level]}:
        value = _request(found) if keyword == REQUEST else found.get(keyword)
        setattr(made, keyword, _empty(keyword) if value is None else value)
    if not all(str(value).isascii() for value in found.values()):
        made.SpecificCharacterSet = _UTF_8
    return made


def _values(keyword: str, element: DataElement) -> Iterator[tuple[str, str]]:
    """Yield the values to match by keyword; those of a sequence's item (PS3.4 section C.2.2.2.6) with a dot."""
    if element.VR != "SQ":
        if value := _text(element.value):
            yield keyword, value
        return
    for item in element.value[:1]:
        for nested in item:
            if value := "" if nested.VR == "SQ" else _text(nested.value):
                yield f"{keyword}.{keyword_for_tag(nested.tag)}", value


def _request(found: Found) -> list[Dataset]:
    item = Dataset()
    for keyword, value in found.items():
        if keyword.startswith(REQUEST) and value:
            setattr(item, keyword.partition(".")[2], value)
    return [item] if item else []


def _empty(keyword: str) -> Any:  # noqa: ANN401 - what pydicom takes for an empty value
    return [] if dictionary_VR(keyword) == "SQ" else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, MultiValue | list):
        return "\\".join(str(each) for each in value)
    return str(value).strip()
