"""QIDO-RS: searching for studies, series and instances (PS3.18 section 10.6)."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from firstread.access import Grant
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.query import MODALITIES, REQUEST, Found, Level, attributes, find
from firstread.network.dicomweb.accept import accepted, choose
from firstread.network.dicomweb.access import MayRead, OpenArchive
from firstread.network.dicomweb.addresses import Uid, service_url
from firstread.network.dicomweb.model_json import Json, attribute, sequence
from firstread.network.dicomweb.model_xml import as_xml
from firstread.network.dicomweb.multipart import Part, streamed
from firstread.network.dicomweb.problems import RESPONSES, Problem, not_acceptable

MOST_RESULTS = 5000
"""Results of one answer; the client is told that there are more, and asks for them by offset."""

_LONGEST_VALUE = 70_000  # a thousand UIDs
_OWN = ("limit", "offset", "fuzzymatching", "includefield", "accept", "charset", "emptyvaluematching")
JSON_TYPES = ("application/dicom+json", "application/json")
XML = "application/dicom+xml"
MODEL_TYPES = (*JSON_TYPES, f"multipart/related; {XML}")
"""What data sets without their bulk data are given as; the first where anything will do."""


@dataclass(frozen=True)
class Wanted:
    """What is asked beside the keys."""

    limit: int | None
    offset: int
    fuzzy: bool
    empty: bool
    include: list[str]


def _asked(
    limit: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="At most so many results.")] = None,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1, description="So many results are left out first.")] = 0,
    fuzzymatching: Annotated[bool, Query(description="Names match by their words, in any order.")] = False,
    emptyvaluematching: Annotated[
        bool, Query(description='The value "" (two quotation marks) matches where there is no value.')
    ] = False,
    includefield: Annotated[
        list[str],
        Query(description="Further attributes; all that is kept for searching is returned anyway."),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> Wanted:
    return Wanted(limit, offset, fuzzymatching, emptyvaluematching, includefield)


Asked = Annotated[Wanted, Depends(_asked)]

router = APIRouter(
    tags=["search"],
    responses={200: {"content": {JSON_TYPES[0]: {}, "multipart/related": {}}}, 204: {}, **RESPONSES},
)


@router.get("/studies")
def search_studies(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    asked: Asked,
) -> Response:
    """Search for studies; every other parameter is an attribute, by keyword or tag, and the value it must match."""
    return _answer(request, archive, grant, "study", {}, asked)


@router.get("/studies/{study}/series")
def search_series_of_study(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    asked: Asked,
) -> Response:
    """Search for series of a study."""
    within = {"StudyInstanceUID": study}
    return _answer(request, archive, grant, "series", within, asked)


@router.get("/series")
def search_series(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    asked: Asked,
) -> Response:
    """Search for series of all studies."""
    return _answer(request, archive, grant, "series", {}, asked)


@router.get("/studies/{study}/instances")
def search_instances_of_study(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    asked: Asked,
) -> Response:
    """Search for instances of a study."""
    within = {"StudyInstanceUID": study}
    return _answer(request, archive, grant, "instance", within, asked)


@router.get("/studies/{study}/series/{series}/instances")
def search_instances_of_series(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    asked: Asked,
) -> Response:
    """Search for instances of a series."""
    within = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    return _answer(request, archive, grant, "instance", within, asked)


@router.get("/instances")
def search_instances(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    asked: Asked,
) -> Response:
    """Search for instances of all studies."""
    return _answer(request, archive, grant, "instance", {}, asked)


def _answer(
    request: Request,
    archive: Archive,
    grant: Grant,
    level: Level,
    within: dict[str, str],
    asked: Wanted,
) -> Response:
    chosen = choose(
        accepted(request.headers.get("accept", ""), request.query_params.get("accept", "")), MODEL_TYPES
    )
    if chosen is None:
        raise not_acceptable(", ".join(MODEL_TYPES))
    keys, ignored = _keys(request, level)
    ignored += [field[:64] for field in _unknown_fields(asked.include, level)]
    for keyword, uid in within.items():
        if keys.setdefault(keyword, uid) != uid:
            raise Problem(400, f"{keyword} is another in the path than in the query.")
    most = MOST_RESULTS if asked.limit is None else min(asked.limit, MOST_RESULTS)
    with reading(archive.engine) as connection:
        # One more than is given tells whether there are more.
        found = find(
            connection, level, keys,
            limit=most + 1, offset=asked.offset, fuzzy=asked.fuzzy, empty=asked.empty, within=grant.within,
        )  # fmt: skip
    warnings = []
    if ignored:
        warnings.append(f"not supported, and ignored: {', '.join(sorted(set(ignored)))}")
    if len(found) > most:
        # PS3.18 section 8.3.4.4 has their number too, for which everything would have to be counted.
        warnings.append("There are additional results that can be requested")
    url = service_url(request)
    headers = {"Warning": f'299 {url}: "{"; ".join(warnings)}"'} if warnings else {}
    results = [_result(each, level, url) for each in found[:most]]
    if not results:
        return Response(status_code=204, headers=headers)
    if chosen[0] in JSON_TYPES:
        return JSONResponse(results, headers=headers, media_type=chosen[0])
    return streamed((Part(XML, [as_xml(each)]) for each in results), XML, headers)


def _keys(request: Request, level: Level) -> tuple[dict[str, str], list[str]]:
    """Return the keys of the query by keyword, and the attributes that cannot be searched by."""
    known = attributes(level)
    keys: dict[str, str] = {}
    ignored = []
    for name in request.query_params:
        if name.lower() in _OWN:
            continue
        keyword = _keyword(name)
        if not keyword:
            raise Problem(
                400,
                "A parameter is neither an attribute's keyword nor its tag.",
                remedy="See PS3.18 8.3.4.1.",
            )
        listed = request.query_params.getlist(name)
        value = ",".join(listed)
        if keyword != MODALITIES and (keyword not in known or known[keyword].kind is None):
            ignored.append(keyword)
        elif len(value) > _LONGEST_VALUE or "\0" in value:
            raise Problem(400, f"The value of {keyword} is too long, or no text.")
        elif keyword in keys or (len(listed) > 1 and keyword != MODALITIES and known[keyword].kind != "uid"):
            raise Problem(400, f"{keyword} is there more than once.")
        else:
            keys[keyword] = value
    return keys, ignored


def _keyword(name: str) -> str:
    """Return the keyword of an attribute that is named by keyword or tag; of one in a sequence with dots between."""
    path = [_keyword_of_one(part) for part in name.split(".")]
    return ".".join(path) if all(path) else ""


def _keyword_of_one(name: str) -> str:
    if len(name) == 8 and all(c in "0123456789abcdefABCDEF" for c in name):
        return keyword_for_tag(int(name, 16))
    return name if name.isascii() and tag_for_keyword(name) is not None else ""


def _unknown_fields(include: list[str], level: Level) -> list[str]:
    known = {*attributes(level), MODALITIES, REQUEST}
    asked = [
        _keyword(name.strip()) for field in include for name in field.split(",") if name.strip() != "all"
    ]
    return [keyword for keyword in asked if keyword and keyword not in known]


_LISTS = ("ModalitiesInStudy",)


def _result(found: Found, level: Level, url: str) -> Json:
    made: dict[str, Any] = dict(
        attribute(keyword, *(str(value or "").split("\\") if keyword in _LISTS else [value]))
        for keyword, value in found.items()
        if not keyword.startswith(REQUEST)
    )
    if requested := {k.partition(".")[2]: v for k, v in found.items() if k.startswith(REQUEST) and v}:
        made |= [sequence(REQUEST, [dict(attribute(keyword, value) for keyword, value in requested.items())])]
    path = f"{url}/studies/{found['StudyInstanceUID']}"
    if level in ("series", "instance"):
        path += f"/series/{found['SeriesInstanceUID']}"
    if level == "instance":
        path += f"/instances/{found['SOPInstanceUID']}"
    for keyword, value in (
        ("SpecificCharacterSet", "ISO_IR 192"),
        ("InstanceAvailability", "ONLINE"),
        ("RetrieveURL", path),
    ):
        key, held = attribute(keyword, value)
        made[key] = held
    return dict(sorted(made.items()))
