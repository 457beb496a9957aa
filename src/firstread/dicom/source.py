"""Where the bytes of a DICOM instance come from: a file, a member of a zip archive, or memory."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from zipfile import ZipFile, ZipInfo

LARGEST_FILE = 2 << 30
"""Bytes; an uncompressed Enhanced CT of 2,000 frames has half of it."""


class Source(Protocol):
    """Something that an instance can be read from."""

    @property
    def size(self) -> int:
        """Number of bytes that the source claims to have."""
        ...

    def read(self, limit: int = LARGEST_FILE) -> bytes:
        """Return its first bytes, at most `limit`."""
        ...


@dataclass(frozen=True)
class FileSource:
    """A file on disk."""

    path: Path

    @property
    def size(self) -> int:
        """Number of bytes of the file."""
        return os.stat(self.path).st_size

    def read(self, limit: int = LARGEST_FILE) -> bytes:
        """Return the first bytes of the file, at most `limit`."""
        with open(self.path, "rb") as stream:
            # Asking for no more than the file has: a read of the limit would allocate the limit.
            return stream.read(min(limit, os.fstat(stream.fileno()).st_size))


@dataclass(frozen=True)
class ZipSource:
    """A member of an open archive, inflated in memory, so that no name in it ever touches the disk."""

    archive: ZipFile = field(repr=False)
    member: ZipInfo

    @property
    def size(self) -> int:
        """Number of bytes that the archive's directory claims."""
        return self.member.file_size

    def read(self, limit: int = LARGEST_FILE) -> bytes:
        """Return the first bytes of the member, at most `limit`."""
        with self.archive.open(self.member) as stream:
            return stream.read(min(limit, self.member.file_size))


@dataclass(frozen=True)
class MemorySource:
    """An instance that was received rather than stored."""

    content: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Number of bytes held."""
        return len(self.content)

    def read(self, limit: int = LARGEST_FILE) -> bytes:
        """Return the first bytes, at most `limit`."""
        return self.content[:limit]
