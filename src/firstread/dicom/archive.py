"""Zip archives, which are not to be trusted: their members as sources."""

import stat
from pathlib import Path
from zipfile import ZipFile

from firstread.dicom.source import LARGEST_FILE, Source, ZipSource
from firstread.errors import NothingReadable, RefusedInput

MOST_MEMBERS = 20_000
LARGEST_TOTAL = 8 << 30
MODEST_TOTAL = 256 << 20
HIGHEST_RATIO = 100
"""Above `MODEST_TOTAL` bytes, no archive of CT packs tighter than this: noise does not compress."""


def members(path: Path) -> list[Source]:
    """List the members that could be DICOM objects; nothing is unpacked to disk, nor are archives inside.

    Raises:
        NothingReadable: the file is no zip archive after all.
        RefusedInput: encrypted, or it would grow beyond any CT study.
    """
    # The archive stays open as long as a source refers to it.
    try:
        archive = ZipFile(path)
        listed = [m for m in archive.infolist() if not m.is_dir() and m.file_size >= 132]
    except Exception as error:  # a damaged directory raises more than BadZipFile
        raise NothingReadable(
            f"{path} is a damaged zip archive.", remedy="Copy or export it again."
        ) from error
    total, packed = sum(m.file_size for m in listed), sum(m.compress_size for m in listed)
    bomb = total > MODEST_TOTAL and total > HIGHEST_RATIO * min(packed, path.stat().st_size)
    if len(listed) > MOST_MEMBERS or total > LARGEST_TOTAL or bomb:
        archive.close()
        raise RefusedInput(
            f"{path} would unpack to {len(listed)} files of {total >> 20} MiB from {packed >> 20} MiB.",
            remedy="Unpack it yourself if you trust it, and give the folder.",
        )
    if any(m.flag_bits & 1 for m in listed):
        archive.close()
        raise RefusedInput(f"{path} is encrypted.", remedy="Unpack it, and give the folder.")
    regular = [m for m in listed if not stat.S_ISLNK(m.external_attr >> 16) and m.file_size <= LARGEST_FILE]
    return [ZipSource(archive, member) for member in regular]
