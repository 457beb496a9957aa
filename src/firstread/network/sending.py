"""Stored files as the data sets of C-STORE: their encoded bytes go out as they lie on the disk."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

UNCOMPRESSED = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")


@dataclass(frozen=True)
class Outgoing:
    """A file that is to be sent; `at_hand` has it on this host for as long as its context lasts."""

    at_hand: Callable[[], AbstractContextManager[Path]]
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    def as_dataset(self) -> "StoredDataset":
        """Return it as pynetdicom's handlers of C-GET and C-MOVE have to give it."""
        return StoredDataset(self)


class StoredDataset(Dataset):
    """The UIDs of a stored file, and where it is; its other elements are not read."""

    def __init__(self, stored: Outgoing) -> None:
        super().__init__()
        self.SOPClassUID = stored.sop_class_uid
        self.SOPInstanceUID = stored.sop_instance_uid
        self.__dict__["stored"] = stored


def send_stored(send: Callable[..., Dataset], dataset: Any, *args: Any, **options: Any) -> Dataset:  # noqa: ANN401
    """Send a stored file unchanged, or re-encoded where the peer takes only another uncompressed transfer syntax.

    Raises:
        ValueError: the peer takes neither.
        FirstreadError: the archive does not have the file at hand.
    """
    if not isinstance(dataset, StoredDataset):
        return send(dataset, *args, **options)
    stored: Outgoing = dataset.__dict__["stored"]
    with stored.at_hand() as path:
        try:
            return send(path, *args, **options)
        except ValueError:
            if stored.transfer_syntax_uid not in UNCOMPRESSED:
                raise
        return send(dcmread(path), *args, **options)
