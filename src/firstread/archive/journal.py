"""What was acknowledged in the last moments, once more and in one place: appended, and flushed once for all who wait.

    FOLDER/journal/TOKEN/000001.log   records of a living process; of one that is gone, they are replayed (recovery.py)

An instance in its own file, in its folder and in the database would need three flushes, one after the other, before it
could be acknowledged. In the journal it needs one; the file and the row are written meanwhile, and flushed later, for
hundreds of instances at once. Then the segment of the journal is let go.
"""

import json
import os
import queue
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from firstread.archive.disk import on_disk
from firstread.archive.incoming import own_folder
from firstread.archive.part10 import Part10

SEGMENT_BYTES = 64 << 20
SEGMENT_S = 2.0  # a segment is let go so long after the last instance came
MOST_AT_ONCE = 64
_RECORD = struct.Struct(
    ">4sIIQ32s32s"
)  # magic, lengths of label, header and data set, digests of label and of file
_MAGIC = b"FRJ1"


@dataclass
class Segment:
    """One file of the journal; `open`: so many of its instances are not answered yet."""

    path: Path
    handle: int
    size: int = 0
    open: int = 0


@dataclass
class Entry:
    """One instance on its way; `durable` is done when it is on the disk."""

    instance: Part10
    file_digest: str
    source: str
    durable: "Future[None]" = field(default_factory=Future)
    segment: Segment | None = None


@dataclass(frozen=True)
class Record:
    """An instance as it is read back."""

    instance: Part10
    source: str


class Journal:
    """The journal of this process, with a thread that writes it.

    Args:
        folder: Of the archive.
        settle: Makes durable the files that have been written and the rows that have been committed. Called in
            another thread when a segment takes no more records and its instances are answered; the segment is
            removed when it returns, and kept for the next try when it raises.
    """

    def __init__(self, folder: Path, settle: Callable[[], None]) -> None:
        self._make_durable = settle
        with on_disk(folder):
            self._own, self._lock = own_folder(folder / "journal")
        self._queue: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._full: list[Segment] = []
        self._changed = threading.Condition()
        self._current: Segment | None = None
        self._number = 0
        self._closing = False
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._settler = threading.Thread(target=self._settle, name="journal-settling", daemon=True)
        self._writer.start()
        self._settler.start()

    def put(self, entry: Entry) -> None:
        """Have an entry written; `entry.durable` says when, or why not. `answered` must follow."""
        self._queue.put(entry)

    def answered(self, entry: Entry) -> None:
        """Say that what became of an entry is decided: its row is committed, or it failed."""
        with suppress(BaseException):
            entry.durable.result()
        with self._changed:
            if entry.segment is not None:
                entry.segment.open -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Settle everything, and remove the journal; what cannot be settled stays for the next opening.

        Once is enough; again does nothing.
        """
        self._queue.put(None)
        self._writer.join()
        self._settler.join()
        with suppress(OSError):
            self._own.rmdir()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _write(self) -> None:
        while True:
            try:
                entries = [self._queue.get(timeout=SEGMENT_S)]
            except queue.Empty:
                self._turn()
                continue
            with suppress(queue.Empty):
                while len(entries) < MOST_AT_ONCE:
                    entries.append(self._queue.get_nowait())
            self._append([entry for entry in entries if entry is not None])
            if None in entries:
                self._turn()
                with self._changed:
                    self._closing = True
                    self._changed.notify_all()
                return

    def _append(self, entries: list[Entry]) -> None:
        if not entries:
            return
        try:
            with on_disk(self._own):
                segment = self._segment()
                at = segment.size
                try:
                    for entry in entries:
                        at += _put(segment.handle, entry, at)
                    os.fdatasync(segment.handle)
                except OSError:
                    os.ftruncate(segment.handle, segment.size)
                    raise
                segment.size = at
        except BaseException as error:
            for entry in entries:
                entry.durable.set_exception(error)
            self._turn()  # what the kernel still says of a file whose flush failed cannot be relied on
            return
        with self._changed:
            segment.open += len(entries)
            for entry in entries:
                entry.segment = segment
        for entry in entries:
            entry.durable.set_result(None)
        if segment.size >= SEGMENT_BYTES:
            self._turn()

    def _segment(self) -> Segment:
        if self._current is None:
            self._number += 1
            path = self._own / f"{self._number:06d}.log"
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            flush_name = os.open(self._own, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(flush_name)
            finally:
                os.close(flush_name)
            self._current = Segment(path, handle)
        return self._current

    def _turn(self) -> None:
        """Take no more records into the current segment."""
        if self._current is None:
            return
        with self._changed:
            self._full.append(self._current)
            self._current = None
            self._changed.notify_all()

    def _settle(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready() or (self._closing and not self._full))
                ready, closing = self._ready(), self._closing
            for segment in ready:
                try:
                    self._make_durable()
                except Exception:
                    # Kept: its instances are durable in it. What is wrong with the disk or the database, the next
                    # sender is told.
                    if closing:
                        os.close(segment.handle)
                        with self._changed:
                            self._full.remove(segment)
                    else:
                        threading.Event().wait(SEGMENT_S)
                    continue
                os.close(segment.handle)
                with suppress(OSError):
                    segment.path.unlink()
                with self._changed:
                    self._full.remove(segment)
            if closing and not self._full:
                return

    def _ready(self) -> list[Segment]:
        return [segment for segment in self._full if not segment.open]


def read_segment(path: Path) -> Iterator[Record]:
    """Yield the records of a segment up to the first that was cut off; nobody had an answer for that one.

    Raises:
        OSError: it cannot be read.
    """
    content = memoryview(path.read_bytes())
    at = 0
    while at + _RECORD.size <= len(content):
        magic, label_size, header_size, dataset_size, label_digest, digest = _RECORD.unpack_from(content, at)
        start = at + _RECORD.size
        label, end = content[start : start + label_size], start + label_size + header_size + dataset_size
        file = content[start + label_size : end]
        if magic != _MAGIC or end > len(content):
            return
        if sha256(label).digest() != label_digest or sha256(file).digest() != digest:
            return
        said = json.loads(bytes(label))
        yield Record(
            Part10(
                said["sop_class_uid"],
                said["sop_instance_uid"],
                said["transfer_syntax_uid"],
                header=bytes(file[:header_size]),
                dataset=file[header_size:],
            ),
            said["source"],
        )
        at = end


def _put(handle: int, entry: Entry, at: int) -> int:
    instance = entry.instance
    label = json.dumps(
        {
            "sop_class_uid": instance.sop_class_uid,
            "sop_instance_uid": instance.sop_instance_uid,
            "transfer_syntax_uid": instance.transfer_syntax_uid,
            "source": entry.source,
        }
    ).encode()
    front = _RECORD.pack(
        _MAGIC,
        len(label),
        len(instance.header),
        len(instance.dataset),
        sha256(label).digest(),
        bytes.fromhex(entry.file_digest),
    )
    pieces = [memoryview(front + label + instance.header), instance.dataset]
    size = sum(len(piece) for piece in pieces)
    for piece in pieces:
        done = 0
        while done < len(piece):
            done += os.pwrite(handle, piece[done:], at + done)
        at += len(piece)
    return size
