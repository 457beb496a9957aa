"""WADO-RS: frames, bulk data, rendered pictures and thumbnails (PS3.18 section 10.4)."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydicom.dataset import Dataset

from firstread.archive import Archive
from firstread.dicom.transfer_syntax import EXPLICIT_LITTLE
from firstread.network.dicomweb.accept import choose
from firstread.network.dicomweb.access import MayRead, OpenArchive
from firstread.network.dicomweb.addresses import Stored, Uid, service_url, stored
from firstread.network.dicomweb.multipart import Part, streamed
from firstread.network.dicomweb.opened import NATIVE, Opened, opened
from firstread.network.dicomweb.problems import RESPONSES, Problem, not_acceptable
from firstread.network.dicomweb.rendering import PICTURE_TYPES, THUMBNAIL_PX, Look, picture
from firstread.network.dicomweb.retrieve import PIECE, ranges_of
from firstread.network.dicomweb.transcode import decoded, frame_type

BYTES = "application/octet-stream"
_INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"
MOST_FRAMES = 5000  # of one request
_RENDERED = "multipart/related; image/jpeg"

Frames = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,8}(,[1-9][0-9]{0,8})*$", max_length=50_000)]
Element = Annotated[
    str, Path(pattern=r"^[0-9A-Fa-f]{8}(/[1-9][0-9]{0,5}/[0-9A-Fa-f]{8}){0,16}$", max_length=300)
]
Window = Annotated[str, Query(max_length=100, description="CENTRE,WIDTH[,linear]")]
Viewport = Annotated[str, Query(max_length=40, description="COLUMNS,ROWS that the picture must fit")]
Quality = Annotated[int, Query(ge=1, le=100, description="Of JPEG.")]

router = APIRouter(tags=["pixel data"], responses=RESPONSES)


@router.get(_INSTANCE + "/frames/{frames}")
def retrieve_frames(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    instance: Uid,
    frames: Frames,
) -> Response:
    """Retrieve frames by their numbers, from 1; as pixels, or as they are stored (transfer-syntax=*)."""
    (each,) = stored(archive, study, series, instance, within=grant.within)
    numbers = _numbers(frames)
    own = frame_type(each.transfer_syntax_uid)
    native = each.transfer_syntax_uid in NATIVE
    offered = [f"multipart/related; {kind}" for kind in dict.fromkeys((BYTES, own))]
    if len(numbers) == 1:
        offered += [BYTES] if own == BYTES else [BYTES, own]
    ranges = ranges_of(request)
    refused: Problem | None = None
    while chosen := choose(ranges, offered):
        kind, wanted = chosen
        inner = kind.rpartition("; ")[2]
        as_stored = wanted.transfer_syntax in ("*", each.transfer_syntax_uid) or (
            own != BYTES and inner == own
        )
        try:
            if wanted.transfer_syntax not in ("", "*", each.transfer_syntax_uid, EXPLICIT_LITTLE):
                raise Problem(
                    406, "The frames are not in this transfer syntax.", remedy="Accept transfer-syntax=*."
                )
            with opened(archive, each) as read:
                first = _frame(read, numbers[0], as_stored)
                if max(numbers) > read.number_of_frames:
                    raise Problem(404, "The instance has no such frame.")
        except Problem as problem:
            if problem.status != 406:
                raise
            refused, ranges = problem, ranges[ranges.index(wanted) + 1 :]
            continue
        syntax = each.transfer_syntax_uid if as_stored and not native else EXPLICIT_LITTLE
        media = f"{own if as_stored else BYTES}; transfer-syntax={syntax}"
        if not kind.startswith("multipart"):
            return Response(first, media_type=media)
        url = f"{service_url(request)}/{each.path}/frames"
        return streamed(_frame_parts(archive, each, numbers, as_stored, media, url), inner)
    raise refused or not_acceptable(", ".join(offered))


def _numbers(frames: str) -> list[int]:
    numbers = [int(n) for n in frames.split(",")]
    if len(numbers) > MOST_FRAMES:
        raise Problem(400, f"More than {MOST_FRAMES} frames at once.", remedy="Ask for fewer.")
    return numbers


def _frame(read: Opened, n: int, as_stored: bool) -> bytes:
    return next(read.frames([n])) if as_stored else decoded(read, n)


def _frame_parts(
    archive: Archive, each: Stored, numbers: Sequence[int], as_stored: bool, media: str, url: str
) -> Iterator[Part]:
    with opened(archive, each) as read:
        if as_stored or each.transfer_syntax_uid in NATIVE:
            for n, frame in zip(numbers, read.frames(numbers), strict=True):
                yield Part(media, [frame], f"{url}/{n}")
        else:
            for n in numbers:
                yield Part(media, [decoded(read, n)], f"{url}/{n}")


@router.get(_INSTANCE + "/bulkdata/{element:path}")
def retrieve_bulk_data(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    instance: Uid,
    element: Element,
) -> Response:
    """Retrieve the value of an element, by the path that the metadata gives as BulkDataURI."""
    (each,) = stored(archive, study, series, instance, within=grant.within)
    with opened(archive, each) as read:
        pixel_data = element.upper() == "7FE00010"
        value = b"" if pixel_data else _value(read, element.upper())
        # Encapsulated pixel data is given frame by frame (PS3.18 section 10.4.1.1.5).
        many = pixel_data and read.pixel_value()[1] is None
        count = read.number_of_frames
    offered = [f"multipart/related; {frame_type(each.transfer_syntax_uid) if many else BYTES}"]
    if many:
        offered.append(f"multipart/related; {BYTES}")
    else:
        offered.insert(0, BYTES)
    chosen = choose(ranges_of(request), offered)
    if chosen is None:
        raise not_acceptable(", ".join(offered))
    inner = chosen[0].rpartition("; ")[2]
    url = f"{service_url(request)}/{each.path}"
    if many:
        media = f"{frame_type(each.transfer_syntax_uid)}; transfer-syntax={each.transfer_syntax_uid}"
        parts = _frame_parts(archive, each, range(1, count + 1), True, media, f"{url}/frames")
        return streamed(parts, inner)
    pieces = _pixel_pieces(archive, each) if pixel_data else iter([value])
    if chosen[0] == BYTES:
        return StreamingResponse(pieces, media_type=BYTES)
    return streamed(iter([Part(BYTES, pieces, f"{url}/bulkdata/{element}")]), BYTES)


def _pixel_pieces(archive: Archive, each: Stored) -> Iterator[bytes]:
    with opened(archive, each) as read:
        start, length = read.pixel_value()
        end = start + (length or 0)
        for at in range(start, end, PIECE):
            yield bytes(read.content[at : min(at + PIECE, end)])


def _value(read: Opened, path: str) -> bytes:
    """Return the bytes of an element that is no pixel data.

    Raises:
        Problem: 404, it is not there, or is a sequence.
    """
    *above, tag = path.split("/")
    holder: Dataset = read.header
    try:
        for at in range(0, len(above), 2):
            holder = holder[int(above[at], 16)].value[int(above[at + 1]) - 1]
        value = holder[int(tag, 16)].value
    except Exception:  # whatever the parser finds in it: there is no value
        raise Problem(404, "The instance has no such element.") from None
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise Problem(404, "The instance has no such bulk data.")


@router.get(_INSTANCE + "/rendered")
def retrieve_rendered_instance(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    instance: Uid,
    window: Window = "",
    viewport: Viewport = "",
    quality: Quality = 90,
) -> Response:
    """Retrieve a picture of an instance, of its first frame where it has several."""
    return _rendered(
        request,
        archive,
        stored(archive, study, series, instance, within=grant.within),
        1,
        window,
        viewport,
        quality,
    )


@router.get(_INSTANCE + "/frames/{frame}/rendered")
def retrieve_rendered_frame(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    instance: Uid,
    frame: Annotated[int, Path(ge=1, le=2**31 - 1)],
    window: Window = "",
    viewport: Viewport = "",
    quality: Quality = 90,
) -> Response:
    """Retrieve a picture of one frame."""
    found = stored(archive, study, series, instance, within=grant.within)
    return _rendered(request, archive, found, frame, window, viewport, quality)


@router.get("/studies/{study}/series/{series}/rendered")
def retrieve_rendered_series(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    window: Window = "",
    viewport: Viewport = "",
    quality: Quality = 90,
) -> Response:
    """Retrieve pictures of the instances of a series; those that cannot be shown are left out."""
    look = Look.of(window, viewport, quality)
    found = stored(archive, study, series, within=grant.within)
    if choose(ranges_of(request), [_RENDERED]) is None:
        raise not_acceptable('multipart/related; type="image/jpeg"')
    url = service_url(request)

    def parts() -> Iterator[Part]:
        for each in found:
            try:
                with opened(archive, each) as read:
                    shown = picture(read, 1, look, PICTURE_TYPES[0])
            except Problem:
                continue
            yield Part(PICTURE_TYPES[0], [shown], f"{url}/{each.path}/rendered")

    return streamed(parts(), PICTURE_TYPES[0])


@router.get("/studies/{study}/thumbnail")
def retrieve_thumbnail_of_study(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid
) -> Response:
    """Retrieve a small picture of a study: of the instance in the middle."""
    return _thumbnail(request, archive, stored(archive, study, within=grant.within))


@router.get("/studies/{study}/series/{series}/thumbnail")
def retrieve_thumbnail_of_series(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid, series: Uid
) -> Response:
    """Retrieve a small picture of a series: of the instance in the middle."""
    return _thumbnail(request, archive, stored(archive, study, series, within=grant.within))


@router.get(_INSTANCE + "/thumbnail")
def retrieve_thumbnail_of_instance(
    request: Request, archive: OpenArchive, grant: MayRead, study: Uid, series: Uid, instance: Uid
) -> Response:
    """Retrieve a small picture of an instance."""
    return _thumbnail(request, archive, stored(archive, study, series, instance, within=grant.within))


@router.get(_INSTANCE + "/frames/{frame}/thumbnail")
def retrieve_thumbnail_of_frame(
    request: Request,
    archive: OpenArchive,
    grant: MayRead,
    study: Uid,
    series: Uid,
    instance: Uid,
    frame: Annotated[int, Path(ge=1, le=2**31 - 1)],
) -> Response:
    """Retrieve a small picture of one frame."""
    return _thumbnail(request, archive, stored(archive, study, series, instance, within=grant.within), frame)


def _thumbnail(request: Request, archive: Archive, found: list[Stored], frame: int | None = None) -> Response:
    return _rendered(request, archive, found, frame, "", f"{THUMBNAIL_PX},{THUMBNAIL_PX}", 80)


def _rendered(
    request: Request,
    archive: Archive,
    found: list[Stored],
    frame: int | None,
    window: str,
    viewport: str,
    quality: int,
) -> Response:
    chosen = choose(ranges_of(request), PICTURE_TYPES)
    if chosen is None:
        raise not_acceptable(", ".join(PICTURE_TYPES))
    look = Look.of(window, viewport, quality)
    with opened(archive, found[len(found) // 2]) as read:
        if frame is None:
            frame = max((read.number_of_frames + 1) // 2, 1)
        return Response(picture(read, frame, look, chosen[0]), media_type=chosen[0])
