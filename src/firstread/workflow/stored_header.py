"""One header that stands for a series of the archive."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from firstread.archive import Archive
from firstread.dicom.parse import Damaged, parse_instance
from firstread.dicom.quiet import quiet
from firstread.dicom.source import FileSource
from firstread.errors import AlteredInstance, ArchiveUnavailable


def stored_header(archive: Archive, names: Sequence[str]) -> Dataset:
    """Return the header in the middle of a series, where most are alike, or else of any that is readable.

    It is empty where all that can be read are damaged.

    Args:
        archive: Where the files are.
        names: Of the files of a series, by instance number.

    Raises:
        ArchiveUnavailable: no file can be read.
    """
    damaged = False
    middle = len(names) // 2
    for name in (*names[middle:], *names[:middle]):
        try:
            with archive.files.at_hand(name) as (path,), quiet():
                found = parse_instance(FileSource(path))
        except OSError:
            continue
        except (Damaged, AlteredInstance):
            found = None
        if found is not None:
            return found.header
        damaged = True
    if damaged:
        return Dataset()
    raise ArchiveUnavailable(
        "No file of a series can be read.", remedy="See that the archive's disk is there; `firstread verify`."
    )
