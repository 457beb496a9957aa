"""What is to be sent: the DICOM files of a folder, or a study or retrieval of the archive."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from firstread.archive import Archive, Part10
from firstread.archive.database import reading
from firstread.archive.locate import Located, locate_matches
from firstread.archive.matching import Condition
from firstread.archive.uids import is_uid
from firstread.errors import RefusedInput
from firstread.network.sending import Outgoing

_META = 1 << 16  # file meta information is far smaller; the data set behind it is not looked at


def files_of_folder(path: Path) -> list[Outgoing]:
    """Return the Part-10 files under a path, by name; what is none is left out."""
    paths = (
        [path]
        if path.is_file()
        else sorted(Path(at, name) for at, _, names in os.walk(path) for name in names)
    )
    return [found for each in paths if each.is_file() and (found := _outgoing(each)) is not None]


def files_of_study(archive: Archive, study_uid: str, *, within: Condition | None = None) -> list[Outgoing]:
    """Return the instances of a study that the archive has within a condition on `Study`, by series and number."""
    if not is_uid(study_uid):
        return []
    with reading(archive.engine) as connection:
        found = locate_matches(connection, {"StudyInstanceUID": study_uid}, within=within)
    return located_files(archive, found)


def located_files(archive: Archive, found: Sequence[Located]) -> list[Outgoing]:
    """Return stored instances as files to be sent, for as long as the archive is open."""
    return [
        Outgoing(
            partial(_stored, archive, each.file),
            each.sop_class_uid,
            each.sop_instance_uid,
            each.transfer_syntax_uid,
        )
        for each in found
    ]


@contextmanager
def _stored(archive: Archive, name: str) -> Iterator[Path]:
    with archive.files.at_hand(name) as (path,):
        yield path


def _outgoing(path: Path) -> Outgoing | None:
    try:
        with path.open("rb") as stream:
            instance = Part10.parse(stream.read(_META))
    except (OSError, RefusedInput):
        return None
    return Outgoing(
        lambda: nullcontext(path),
        instance.sop_class_uid,
        instance.sop_instance_uid,
        instance.transfer_syntax_uid,
    )
