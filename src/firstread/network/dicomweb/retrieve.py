"""WADO-RS: instances and their metadata (PS3.18 section 10.4)."""

import json
from collections.abc import Iterator
from itertools import chain

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from firstread.archive import Archive
from firstread.dicom.transfer_syntax import EXPLICIT_LITTLE
from firstread.network.dicomweb.accept import MediaRange, accepted, choose
from firstread.network.dicomweb.access import MayRead, OpenArchive
from firstread.network.dicomweb.addresses import Stored, Uid, service_url, stored
from firstread.network.dicomweb.metadata import metadata
from firstread.network.dicomweb.model_xml import as_xml
from firstread.network.dicomweb.multipart import Part, streamed
from firstread.network.dicomweb.opened import opened
from firstread.network.dicomweb.problems import RESPONSES, Problem, missing, not_acceptable
from firstread.network.dicomweb.search import JSON_TYPES, MODEL_TYPES, XML
from firstread.network.dicomweb.transcode import explicit, unwritable

DICOM = "application/dicom"
MULTIPART_DICOM = f"multipart/related; {DICOM}"
PIECE = 1 << 18  # bytes that are read and sent at a time

router = APIRouter(tags=["retrieve"], responses={200: {"content": {"multipart/related": {}}}, **RESPONSES})
metadata_router = APIRouter(
    tags=["retrieve"],
    responses={200: {"content": {JSON_TYPES[0]: {}, "multipart/related": {}}}, **RESPONSES},
)


@router.get("/studies/{study}")
def retrieve_study(request: Request, archive: OpenArchive, grant: MayRead, study: Uid) -> Response:
    """Retrieve every instance of a study."""
    return _instances(request, archive, stored(archive, study, within=grant.within))


@router.get("/studies/{study}/series/{series}")
def retrieve_series(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid, series: Uid
) -> Response:
    """Retrieve every instance of a series."""
    return _instances(request, archive, stored(archive, study, series, within=grant.within))


@router.get("/studies/{study}/series/{series}/instances/{instance}")
def retrieve_instance(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid, series: Uid, instance: Uid
) -> Response:
    """Retrieve one instance."""
    return _instances(request, archive, stored(archive, study, series, instance, within=grant.within))


@metadata_router.get("/studies/{study}/metadata")
def retrieve_study_metadata(request: Request, archive: OpenArchive, grant: MayRead, study: Uid) -> Response:
    """Retrieve the metadata of every instance of a study."""
    return _metadata(request, archive, stored(archive, study, within=grant.within))


@metadata_router.get("/studies/{study}/series/{series}/metadata")
def retrieve_series_metadata(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid, series: Uid
) -> Response:
    """Retrieve the metadata of every instance of a series."""
    return _metadata(request, archive, stored(archive, study, series, within=grant.within))


@metadata_router.get("/studies/{study}/series/{series}/instances/{instance}/metadata")
def retrieve_instance_metadata(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid, series: Uid, instance: Uid
) -> Response:
    """Retrieve the metadata of one instance."""
    return _metadata(request, archive, stored(archive, study, series, instance, within=grant.within))


def ranges_of(request: Request) -> list[MediaRange]:
    """Return what the client accepts, the most wanted first."""
    return accepted(request.headers.get("accept", ""), request.query_params.get("accept", ""))


def _metadata(request: Request, archive: Archive, instances: list[Stored]) -> Response:
    chosen = choose(ranges_of(request), MODEL_TYPES)
    if chosen is None:
        raise not_acceptable(", ".join(MODEL_TYPES))
    made = metadata(archive, instances, service_url(request))
    if chosen[0] in JSON_TYPES:
        return StreamingResponse(_gathered(_listed(made)), media_type=chosen[0])
    return streamed((Part(XML, [as_xml(json.loads(each))]) for each in made), XML)


def _listed(entries: Iterator[bytes]) -> Iterator[bytes]:
    between = b"["
    for entry in entries:
        yield between + entry
        between = b",\n"
    yield b"]"


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield larger pieces: each is handed from one thread to another."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _instances(request: Request, archive: Archive, instances: list[Stored]) -> Response:
    offered = [MULTIPART_DICOM, DICOM] if len(instances) == 1 else [MULTIPART_DICOM]
    ranges = ranges_of(request)
    refused: Problem | None = None
    while chosen := choose(ranges, offered):
        kind, wanted = chosen
        try:
            return _given(request, archive, instances, kind, wanted.transfer_syntax or EXPLICIT_LITTLE)
        except Problem as problem:
            if problem.status != 406:
                raise
            refused = problem
        ranges = ranges[ranges.index(wanted) + 1 :]
    raise refused or not_acceptable(", ".join(offered))


def _given(request: Request, archive: Archive, instances: list[Stored], kind: str, wanted: str) -> Response:
    if wanted not in ("*", EXPLICIT_LITTLE) and any(each.transfer_syntax_uid != wanted for each in instances):
        raise unwritable()
    url = service_url(request)
    if kind == DICOM:
        syntax, pieces = _encoded(archive, instances[0], wanted)
        return StreamingResponse(pieces, media_type=f"{DICOM}; transfer-syntax={syntax}")
    if len(instances) == 1:
        # Known before the answer begins, so that it can be another one.
        syntax, pieces = _encoded(archive, instances[0], wanted)
        one = Part(f"{DICOM}; transfer-syntax={syntax}", pieces, f"{url}/{instances[0].path}")
        return streamed(iter([one]), DICOM)

    def parts() -> Iterator[Part]:
        for each in instances:
            try:
                syntax, pieces = _encoded(archive, each, wanted)
            except Problem as problem:
                if problem.status not in (406, 409):
                    raise
                # Of many, one that cannot be transcoded is given as it is; its part says how.
                syntax, pieces = _encoded(archive, each, "*")
            yield Part(f"{DICOM}; transfer-syntax={syntax}", pieces, f"{url}/{each.path}")

    return streamed(parts(), DICOM)


def _encoded(archive: Archive, each: Stored, wanted: str) -> tuple[str, Iterator[bytes]]:
    """Return an instance's transfer syntax as given, and its bytes in pieces.

    Raises:
        Problem: 404, it was removed meanwhile; 406, it cannot be transcoded; 409, it is damaged.
    """
    if wanted in ("*", each.transfer_syntax_uid):
        pieces = file_pieces(archive, each.file)
        try:
            first = next(pieces, b"")  # it is had open from now on
        except FileNotFoundError:
            raise missing() from None
        return each.transfer_syntax_uid, chain((first,), pieces)
    with opened(archive, each) as read:
        return EXPLICIT_LITTLE, iter([explicit(read)])


def file_pieces(archive: Archive, name: str) -> Iterator[bytes]:
    """Yield a stored file piece by piece.

    Raises:
        FileNotFoundError: it was removed meanwhile.
    """
    with archive.files.at_hand(name) as (path,), path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
