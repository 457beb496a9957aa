"""A stored file, mapped into memory: its header, where its pixels start, and each frame's bytes."""

import mmap
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filereader import read_dataset

from firstread.archive import Archive, Part10
from firstread.archive.elements import Unparsable, first_elements
from firstread.dicom.header import text, whole
from firstread.dicom.parse import Damaged, inflate
from firstread.dicom.quiet import quiet
from firstread.dicom.transfer_syntax import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from firstread.errors import FirstreadError
from firstread.network.dicomweb.addresses import Stored
from firstread.network.dicomweb.problems import Problem, missing

NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)
MOST_ELEMENTS = 300_000  # of a header; an enhanced CT of 5,000 frames has fewer
LARGEST_INFLATED = 1 << 30
_BEFORE_PIXELS = 0x7FE00007
_PIXEL_TAGS = {0x7FE00008, 0x7FE00009, 0x7FE00010}


@dataclass(frozen=True)
class Opened:
    """An instance whose header was read; `content` holds the data set, mapped or inflated."""

    stored: Stored
    header: Dataset
    content: Any
    pixels_at: int | None  # where the pixel data element starts in the content
    big: bool

    @property
    def number_of_frames(self) -> int:
        """Number of frames; 0 where there are no pixels, and no more than there is room for."""
        if self.pixels_at is None:
            return 0
        # A frame takes 8 bytes at the least: an item's tag and length, or 8 pixels of 8 bits.
        return min(max(whole(self.header, "NumberOfFrames") or 1, 1), max(len(self.content) // 8, 1))

    def pixel_value(self) -> tuple[int, int | None]:
        """Return where the value of the pixel data starts, and its length (bytes; None: encapsulated).

        Raises:
            Problem: 404 where there are no pixels; 409 where they are cut off.
        """
        if self.pixels_at is None:
            raise Problem(404, "The instance has no pixels.")
        at = self.pixels_at
        order = ">" if self.big else "<"
        explicit = (
            self.stored.transfer_syntax_uid != IMPLICIT_LITTLE
            and bytes(self.content[at + 4 : at + 6]).isalpha()
        )
        start, form = (at + 12, at + 8) if explicit else (at + 8, at + 4)
        raw = bytes(self.content[form : form + 4])
        if len(raw) < 4:
            raise cut_off()
        (length,) = struct.unpack(f"{order}I", raw)
        if length == 0xFFFFFFFF:
            return start, None
        if start + length > len(self.content):
            raise cut_off()
        return start, length

    def frames(self, wanted: Sequence[int]) -> Iterator[bytes]:
        """Yield frames by their 1-based numbers, in that order; native ones little endian.

        Raises:
            Problem: 404 where a frame is not there, 409 where the pixel data is damaged.
        """
        if not 1 <= min(wanted) <= max(wanted) <= self.number_of_frames:
            raise Problem(404, "The instance has no such frame.")
        start, length = self.pixel_value()
        if length is not None:
            yield from (self._native(start, length, n) for n in wanted)
        elif self.number_of_frames == 1:
            yield from (next(self._encapsulated(start)) for _ in wanted)
        else:
            last, ahead = 0, self._encapsulated(start)
            for n in wanted:
                if n <= last:
                    last, ahead = 0, self._encapsulated(start)
                frame = b""
                while last < n:
                    frame, last = next(ahead), last + 1
                yield frame

    def _native(self, start: int, length: int, n: int) -> bytes:
        allocated = whole(self.header, "BitsAllocated") or 0
        samples = whole(self.header, "SamplesPerPixel") or 1
        rows, columns = whole(self.header, "Rows") or 0, whole(self.header, "Columns") or 0
        bits = rows * columns * samples * allocated
        if text(self.header, "PhotometricInterpretation") == "YBR_FULL_422":
            bits = bits * 2 // 3
        if not bits or bits % 8 or n * bits // 8 > length:
            raise Problem(
                409, "The frame is cut off, or its size is not whole bytes.", remedy="Retrieve the instance."
            )
        size = bits // 8
        frame = bytes(self.content[start + (n - 1) * size : start + n * size])
        if self.big and allocated > 8:
            import numpy as np

            frame = np.frombuffer(frame, f">u{allocated // 8}").astype(f"<u{allocated // 8}").tobytes()
        return frame

    def _encapsulated(self, start: int) -> Iterator[bytes]:
        source: Any = _Window(self.content, start)
        try:
            yield from generate_frames(source, number_of_frames=self.number_of_frames)
        except Exception:  # whatever the parser finds in damaged items
            raise cut_off() from None
        raise cut_off()


class _Window:
    """A readable view of a mapped file from some place on, with a position of its own."""

    def __init__(self, content: Any, start: int) -> None:  # noqa: ANN401 - mmap or bytes
        self._content, self._start, self._at = content, start, 0

    def read(self, size: int | None = -1) -> bytes:
        begin = self._start + self._at
        end = len(self._content) if size is None or size < 0 else min(begin + size, len(self._content))
        value = bytes(self._content[begin:end])
        self._at += len(value)
        return value

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._at, len(self._content) - self._start)[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def cut_off() -> Problem:
    """Return the answer for pixel data that is not what the header says."""
    return Problem(409, "The pixel data is cut off or damaged.", remedy="Send the instance again.")


@contextmanager
def mapped(path: Path) -> Iterator[Any]:
    """Yield the bytes of a stored file, mapped: only what is touched is read.

    Raises:
        Problem: 404, it was removed meanwhile.
    """
    try:
        with path.open("rb") as stream:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise missing() from None
    try:
        yield content
    finally:
        content.close()


@contextmanager
def opened(archive: Archive, stored: Stored) -> Iterator[Opened]:
    """Open a stored instance; the parser is kept within bounds, whatever the file says.

    Raises:
        Problem: 404, it was removed meanwhile; 409, it cannot be parsed.
    """
    with archive.files.at_hand(stored.file) as (path,), mapped(path) as content, quiet():
        try:
            read = (
                _deflated(stored, content)
                if stored.transfer_syntax_uid == DEFLATED
                else _plain(stored, content)
            )
        except (FirstreadError, MemoryError):
            raise
        except Exception:  # the parser raises almost anything on a damaged header, RecursionError included
            raise _unparsable() from None
        yield read


def _plain(stored: Stored, content: Any) -> Opened:  # noqa: ANN401 - mmap
    big = stored.transfer_syntax_uid == EXPLICIT_BIG
    start = len(Part10.parse(content[: 1 << 16]).header)
    _check(memoryview(content)[start:], implicit=stored.transfer_syntax_uid == IMPLICIT_LITTLE, big=big)
    content.seek(0)
    header = dcmread(content, stop_before_pixels=True, force=True)
    at = content.tell()
    there = bytes(content[at : at + 4]) in (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
    return Opened(stored, header, content, at if there else None, big)


def _deflated(stored: Stored, content: Any) -> Opened:  # noqa: ANN401 - mmap
    whole_file = bytes(content)
    try:
        dataset = inflate(whole_file, LARGEST_INFLATED)
    except Damaged:
        raise _unparsable() from None
    _check(memoryview(dataset), implicit=False, big=False)
    stream = BytesIO(dataset)
    header = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: int(tag) in _PIXEL_TAGS)
    at = stream.tell()
    there = dataset[at : at + 4] == b"\xe0\x7f\x10\x00"
    return Opened(stored, header, dataset, at if there else None, False)


def _check(dataset: memoryview, *, implicit: bool, big: bool) -> None:
    try:
        first_elements(dataset, (), last=_BEFORE_PIXELS, implicit=implicit, big=big, most=MOST_ELEMENTS)
    except Unparsable:
        raise _unparsable() from None
    finally:
        dataset.release()


def _unparsable() -> Problem:
    return Problem(409, "The stored file cannot be parsed.", remedy="It can be retrieved as it is.")
