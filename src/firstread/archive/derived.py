"""What was derived of instances, kept so that it is not derived again: one file a series, added to, never rewritten.

An entry belongs to a stored file by its name. As stored files never change and names are never used twice, an entry
that is there is right; what is missing, cut off or damaged is derived again. A removed instance takes the file of its
series along (`InstanceStore.remove`).
"""

import fcntl
import os
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from firstread.archive.store import InstanceStore, checked

_MAGIC = b"FRM1"
_ENTRY = struct.Struct("<32sII")  # stem of the stored file, bytes of the deflated entry, their CRC-32
LARGEST_ENTRY = 64 << 20  # bytes, inflated


def read_derived(files: InstanceStore, name: str) -> dict[str, bytes]:
    """Return the entries of the series that a stored file belongs to, by the stems of the files' names."""
    try:
        content = _path(files, name).read_bytes()
    except OSError:
        return {}
    return _entries(content)[0]


def add_derived(files: InstanceStore, entries: Mapping[str, bytes]) -> None:
    """Add entries, by the full names of stored files of one series; several processes may do so at once.

    It is a cache: where the disk does not take it, nothing is added and nothing is said.
    """
    if not entries:
        return
    path = _path(files, next(iter(entries)))
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            there, end = _entries(stream.read())
            stream.seek(end)
            stream.truncate()
            if not end:
                stream.write(_MAGIC)
            for name, entry in entries.items():
                if (stem := stem_of(name)) not in there and len(entry) <= LARGEST_ENTRY:
                    deflated = zlib.compress(entry, 1)
                    stream.write(_ENTRY.pack(stem.encode(), len(deflated), zlib.crc32(deflated)) + deflated)
    # Whoever removed one of them meanwhile may have looked before the file was there.
    if files.removed_meanwhile(entries):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def stem_of(name: str) -> str:
    """Return the part of a stored file's name that tells it from the others of its series."""
    return name.rpartition("/")[2].removesuffix(".dcm")


def _path(files: InstanceStore, name: str) -> Path:
    return files.derived / PurePosixPath(checked(name)).parent


def _entries(content: bytes) -> tuple[dict[str, bytes], int]:
    """Return the entries, and where the last good one ends."""
    found: dict[str, bytes] = {}
    if not content.startswith(_MAGIC):
        return found, 0
    at = len(_MAGIC)
    while at + _ENTRY.size <= len(content):
        stem, length, check = _ENTRY.unpack_from(content, at)
        deflated = content[at + _ENTRY.size : at + _ENTRY.size + length]
        if len(deflated) != length or zlib.crc32(deflated) != check:
            break
        found[stem.decode("ascii", "replace")] = zlib.decompress(deflated)
        at += _ENTRY.size + length
    return found, at
