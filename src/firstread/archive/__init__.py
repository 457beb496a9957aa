"""The archive: what was received, durable on disk and in a database."""

from firstread.archive.archive import Archive, archive_of, open_archive
from firstread.archive.header import MismatchedInstance
from firstread.archive.part10 import Part10
from firstread.archive.receive import Receipt
from firstread.archive.sources import OWN_SOURCE, PRIOR_SOURCE

__all__ = [
    "OWN_SOURCE",
    "PRIOR_SOURCE",
    "Archive",
    "MismatchedInstance",
    "Part10",
    "Receipt",
    "archive_of",
    "open_archive",
]
