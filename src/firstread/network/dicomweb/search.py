"""QIDO-RS: searching for studies, series and instances (PS3.18 section 10.6)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.query import MODALITIES, Found, Level, attributes, find
from firstread.network.dicomweb.accept import accepted, choose
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid, service_url
from firstread.network.dicomweb.model_json import Json, attribute
from firstread.network.dicomweb.problems import RESPONSES, Problem, not_acceptable

MOST_RESULTS = 5000
"""Results of one answer; the client is told that there are more, and asks for them by offset."""

_LONGEST_VALUE = 70_000  # a thousand UIDs
_OWN = ("limit", "offset", "fuzzymatching", "includefield", "accept", "charset", "emptyvaluematching")
JSON_TYPES = ("application/dicom+json", "application/json")

Limit = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="At most so many results.")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="So many results are left out first.")]
Fuzzy = Annotated[bool, Query(description="Names match by their words, in any order.")]
Include = Annotated[
    list[str], Query(description="Further attributes; all that is kept for searching is returned anyway.")
]

router = APIRouter(tags=["search"], responses={200: {"content": {JSON_TYPES[0]: {}}}, 204: {}, **RESPONSES})


@router.get("/studies")
def search_studies(
    request: Request,
    archive: OpenArchive,
    limit: Limit = None,
    offset: Offset = 0,
    fuzzymatching: Fuzzy = False,
    includefield: Include = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Search for studies; every other parameter is an attribute, by keyword or tag, and the value it must match."""
    return _answer(request, archive, "study", {}, limit, offset, fuzzymatching, includefield)


@router.get("/studies/{study}/series")
def search_series_of_study(
    request: Request,
    archive: OpenArchive,
    study: Uid,
    limit: Limit = None,
    offset: Offset = 0,
    fuzzymatching: Fuzzy = False,
    includefield: Include = [],  # noqa: B006
) -> Response:
    """Search for series of a study."""
    within = {"StudyInstanceUID": study}
    return _answer(request, archive, "series", within, limit, offset, fuzzymatching, includefield)


@router.get("/series")
def search_series(
    request: Request,
    archive: OpenArchive,
    limit: Limit = None,
    offset: Offset = 0,
    fuzzymatching: Fuzzy = False,
    includefield: Include = [],  # noqa: B006
) -> Response:
    """Search for series of all studies."""
    return _answer(request, archive, "series", {}, limit, offset, fuzzymatching, includefield)


@router.get("/studies/{study}/instances")
def search_instances_of_study(
    request: Request,
    archive: OpenArchive,
    study: Uid,
    limit: Limit = None,
    offset: Offset = 0,
    fuzzymatching: Fuzzy = False,
    includefield: Include = [],  # noqa: B006
) -> Response:
    """Search for instances of a study."""
    within = {"StudyInstanceUID": study}
    return _answer(request, archive, "instance", within, limit, offset, fuzzymatching, includefield)


@router.get("/studies/{study}/series/{series}/instances")
def search_instances_of_series(
    request: Request,
    archive: OpenArchive,
    study: Uid,
    series: Uid,
    limit: Limit = None,
    offset: Offset = 0,
    fuzzymatching: Fuzzy = False,
    includefield: Include = [],  # noqa: B006
) -> Response:
    """Search for instances of a series."""
    within = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    return _answer(request, archive, "instance", within, limit, offset, fuzzymatching, includefield)


@router.get("/instances")
def search_instances(
    request: Request,
    archive: OpenArchive,
    limit: Limit = None,
    offset: Offset = 0,
    fuzzymatching: Fuzzy = False,
    includefield: Include = [],  # noqa: B006
) -> Response:
    """Search for instances of all studies."""
    return _answer(request, archive, "instance", {}, limit, offset, fuzzymatching, includefield)


def _answer(
    request: Request,
    archive: Archive,
    level: Level,
    within: dict[str, str],
    limit: int | None,
    offset: int,
    fuzzy: bool,
    include: list[str],
) -> Response:
    chosen = choose(
        accepted(request.headers.get("accept", ""), request.query_params.get("accept", "")), JSON_TYPES
    )
    if chosen is None:
        raise not_acceptable(", ".join(JSON_TYPES))
    keys, ignored = _keys(request, level)
    ignored += [field[:64] for field in _unknown_fields(include, level)]
    for keyword, uid in within.items():
        if keys.setdefault(keyword, uid) != uid:
            raise Problem(400, f"{keyword} is another in the path than in the query.")
    most = MOST_RESULTS if limit is None else min(limit, MOST_RESULTS)
    with reading(archive.engine) as connection:
        # One more than is given tells whether there are more.
        found = find(connection, level, keys, limit=most + 1, offset=offset, fuzzy=fuzzy)
    warnings = []
    if ignored:
        warnings.append(f"not supported, and ignored: {', '.join(sorted(set(ignored)))}")
    if len(found) > most and (limit is None or limit > most):
        warnings.append(f"there are more than {most} results; ask for them by offset")
    headers = {"Warning": f'299 firstread "{"; ".join(warnings)}"'} if warnings else {}
    url = service_url(request)
    results = [_result(each, level, url) for each in found[:most]]
    if not results:
        return Response(status_code=204, headers=headers)
    return JSONResponse(results, headers=headers, media_type=chosen[0])


def _keys(request: Request, level: Level) -> tuple[dict[str, str], list[str]]:
    """Return the keys of the query by keyword, and the attributes that cannot be searched by."""
    known = attributes(level)
    keys: dict[str, str] = {}
    ignored = []
    for name in request.query_params:
        if name.lower() in _OWN:
            continue
        keyword = _keyword(name.partition(".")[0])
        if not keyword:
            raise Problem(
                400,
                "A parameter is neither an attribute's keyword nor its tag.",
                remedy="See PS3.18 8.3.4.1.",
            )
        listed = request.query_params.getlist(name)
        value = ",".join(listed)
        if "." in name or (keyword != MODALITIES and (keyword not in known or known[keyword].kind is None)):
            ignored.append(keyword)
        elif len(value) > _LONGEST_VALUE or "\0" in value:
            raise Problem(400, f"The value of {keyword} is too long, or no text.")
        elif keyword in keys or (len(listed) > 1 and keyword != MODALITIES and known[keyword].kind != "uid"):
            raise Problem(400, f"{keyword} is there more than once.")
        else:
            keys[keyword] = value
    return keys, ignored


def _keyword(name: str) -> str:
    if len(name) == 8 and all(c in "0123456789abcdefABCDEF" for c in name):
        return keyword_for_tag(int(name, 16))
    return name if name.isascii() and tag_for_keyword(name) is not None else ""


def _unknown_fields(include: list[str], level: Level) -> list[str]:
    known = {*attributes(level), MODALITIES}
    asked = [
        _keyword(name.strip()) for field in include for name in field.split(",") if name.strip() != "all"
    ]
    return [keyword for keyword in asked if keyword and keyword not in known]


_LISTS = ("ModalitiesInStudy",)


def _result(found: Found, level: Level, url: str) -> Json:
    made: dict[str, Any] = dict(
        attribute(keyword, *(str(value or "").split("\\") if keyword in _LISTS else [value]))
        for keyword, value in found.items()
    )
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
