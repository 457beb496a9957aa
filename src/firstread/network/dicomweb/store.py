"""STOW-RS: storing instances (PS3.18 section 10.5), each told as stored or as failed."""

import asyncio
import logging
import mmap
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Semaphore
from typing import IO, Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from firstread.access.audit.about import about
from firstread.archive import Archive, Part10
from firstread.archive.add import LARGEST_FILE
from firstread.archive.header import read_header
from firstread.errors import ArchiveFull, ArchiveUnavailable, RefusedInput
from firstread.network.dicomweb.access import MayStore, OpenArchive
from firstread.network.dicomweb.addresses import service_url
from firstread.network.dicomweb.model_json import Json, attribute, sequence
from firstread.network.dicomweb.multipart import Reader, parameters
from firstread.network.dicomweb.problems import RESPONSES, Problem
from firstread.network.dicomweb.search import JSON_TYPES
from firstread.network.statuses import store_status

SOURCE = "STOW-RS"
IN_MEMORY = 4 << 20  # bytes of an instance; what is beyond waits on the disk
AT_ONCE = 4  # instances of one request that wait for their commit together
PATIENCE_S = 60.0  # for the next bytes of a body
MOST_INSTANCES = 20_000  # of one request
ANOTHER_STUDY = 0xC409  # the instance is of another study than the path names
_FED = 1 << 18
_log = logging.getLogger("firstread.network")

StudyUid = Annotated[str, Path(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
router = APIRouter(
    tags=["store"],
    responses={
        200: {"content": {JSON_TYPES[0]: {}}},
        202: {"description": "Some instances were not stored."},
        **RESPONSES,
    },
)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"multipart/related": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/studies", openapi_extra=_BODY)
async def store_instances(request: Request, archive: OpenArchive, grant: MayStore) -> Response:
    """Store instances of any studies: one part of a multipart body each, application/dicom."""
    return await _store(request, archive, None)


@router.post("/studies/{study}", openapi_extra=_BODY)
async def store_instances_of_study(
    request: Request, archive: OpenArchive, grant: MayStore, study: StudyUid
) -> Response:
    """Store instances of one study; others fail."""
    return await _store(request, archive, study)


async def _store(request: Request, archive: Archive, study: str | None) -> Response:
    kind, given = parameters(request.headers.get("content-type", ""))
    if kind != "multipart/related" or given.get("type", "application/dicom").lower() != "application/dicom":
        raise Problem(
            415,
            "The body is of another media type.",
            remedy='Send multipart/related; type="application/dicom".',
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "The body is compressed.", remedy="Send it without Content-Encoding.")
    storing = _Storing(archive, study)
    reader = Reader(given.get("boundary", ""), storing.begin, storing.data, storing.end)
    try:
        held = bytearray()
        stream = aiter(request.stream())
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    piece = await anext(stream)
            except StopAsyncIteration:
                break
            held += piece
            if len(held) >= _FED:
                await run_in_threadpool(reader.feed, bytes(held))
                held.clear()
        await run_in_threadpool(reader.feed, bytes(held))
    except TimeoutError:
        raise Problem(400, f"Nothing came for {PATIENCE_S:g} seconds; what came before is stored.") from None
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        await run_in_threadpool(storing.close)
    if not reader.complete:
        raise Problem(
            400,
            "The body ends before its last boundary.",
            remedy="Send it again: what is stored is recognised.",
        )
    answer = storing.answer(service_url(request))
    about(request.scope).studies.update(storing.stored())
    return answer


class _Storing:
    """What is stored of one request. Its methods are called one at a time; commits are waited for in threads."""

    def __init__(self, archive: Archive, study: str | None) -> None:
        self._archive, self._study = archive, study
        self._pool = ThreadPoolExecutor(AT_ONCE, "stow")
        self._places = Semaphore(AT_ONCE)
        self._outcomes: list[Future[_Outcome]] = []
        self._spool: IO[bytes] | None = None
        self._type, self._size = "", 0

    def begin(self, media_type: str) -> None:
        if len(self._outcomes) >= MOST_INSTANCES:
            raise Problem(
                413, f"More than {MOST_INSTANCES} instances at once.", remedy="Send them in portions."
            )
        self._type, self._size = parameters(media_type or "application/dicom")[0], 0
        # No more of them than are being stored, so that neither memory nor disk fills.
        self._places.acquire()
        self._spool = self._archive.files.spool(IN_MEMORY)

    def data(self, piece: memoryview) -> None:
        self._size += len(piece)
        if self._size > LARGEST_FILE:
            raise Problem(
                413,
                f"An instance is larger than {LARGEST_FILE >> 30} GiB.",
                remedy="What came before it is stored.",
            )
        if self._spool is not None:
            try:
                self._spool.write(piece)
            except OSError as error:
                raise ArchiveFull("The disk of the archive is full, or fails.") from error

    def end(self) -> None:
        spool, self._spool = self._spool, None
        assert spool is not None
        self._outcomes.append(self._pool.submit(self._receive, spool, self._type, self._size))

    def close(self) -> None:
        """Wait for what is under way, and drop what is not complete."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None
            self._places.release()
        self._pool.shutdown(wait=True)

    def _receive(self, spool: IO[bytes], media_type: str, size: int) -> "_Outcome":
        outcome = _Outcome()
        try:
            with spool:
                if media_type != "application/dicom":
                    raise RefusedInput("It is no DICOM file.")
                instance = Part10.parse(_content(spool, size))
                outcome.sop_class_uid, outcome.sop_instance_uid = (
                    instance.sop_class_uid,
                    instance.sop_instance_uid,
                )
                if self._study is not None and read_header(instance).study_uid != self._study:
                    outcome.failure = ANOTHER_STUDY
                else:
                    receipt = self._archive.receive(instance, source=SOURCE)
                    outcome.study_uid, outcome.series_uid = receipt.study_uid, receipt.series_uid
                    if receipt.outcome == "conflict":
                        _log.warning("an instance came again with other bytes; both are kept")
        except Exception as error:
            outcome.failure = store_status(error)
            outcome.full = isinstance(error, ArchiveFull)
            outcome.away = isinstance(error, ArchiveUnavailable)
            # Kind and status only: what the error says can quote the sender.
            _log.warning("STOW-RS refused with %04X: %s", outcome.failure, type(error).__name__)
        finally:
            self._places.release()
        return outcome

    def stored(self) -> Counter[str]:
        """Return how many instances were stored, by study."""
        outcomes = [future.result() for future in self._outcomes]
        return Counter(each.study_uid for each in outcomes if not each.failure)

    def answer(self, url: str) -> Response:
        outcomes = [future.result() for future in self._outcomes]
        if not outcomes:
            raise Problem(400, "The body has no part.")
        stored = [each for each in outcomes if not each.failure]
        failed = [each for each in outcomes if each.failure]
        if not stored and all(each.away for each in failed):
            full = any(each.full for each in failed)
            raise (ArchiveFull if full else ArchiveUnavailable)(
                "The archive takes nothing now.", remedy="Try again later; nothing was stored."
            )
        made: Json = {}
        if self._study is not None:
            made |= [attribute("RetrieveURL", f"{url}/studies/{self._study}")]
        if failed:
            made |= [sequence("FailedSOPSequence", [each.item(url) for each in failed])]
        if stored:
            made |= [sequence("ReferencedSOPSequence", [each.item(url) for each in stored])]
        status = 200 if not failed else 202 if stored else 409
        return JSONResponse(made, status, media_type=JSON_TYPES[0])


class _Outcome:
    sop_class_uid = sop_instance_uid = study_uid = series_uid = ""
    failure = 0
    full = away = False

    def item(self, url: str) -> Json:
        """Return the item of the response's sequence, PS3.18 table 10.5.3-1 ff."""
        made = dict(
            [
                attribute("ReferencedSOPClassUID", self.sop_class_uid),
                attribute("ReferencedSOPInstanceUID", self.sop_instance_uid),
            ]
        )
        if self.failure:
            return made | dict([attribute("FailureReason", self.failure)])
        path = f"{url}/studies/{self.study_uid}/series/{self.series_uid}/instances/{self.sop_instance_uid}"
        return made | dict([attribute("RetrieveURL", path)])


def _content(spool: IO[bytes], size: int) -> bytes:
    """Return what was spooled; mapped, where it lies on the disk."""
    spool.flush()
    if size <= IN_MEMORY:
        spool.seek(0)
        return spool.read()
    # As good as bytes for whoever slices it and looks at it; the mapping ends with the last look.
    return mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)  # type: ignore[return-value]
