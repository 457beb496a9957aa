"""The one way into the archive: an instance becomes durable, once, before anybody is told so."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from firstread.archive.database import is_passing, writing
from firstread.archive.files import InstanceFiles, new_name, write_instance
from firstread.archive.group_commit import GroupCommit
from firstread.archive.header import LONGEST_TEXT, read_header
from firstread.archive.part10 import Part10
from firstread.archive.record import Arrival, Outcome, record
from firstread.errors import ArchiveUnavailable

TRIES = 5
_FIRST_WAIT_S = 0.02


@dataclass(frozen=True)
class Receipt:
    """What the archive has acknowledged: the instance is on the disk and in the database.

    `outcome`: stored; duplicate, the same bytes were there before; conflict, other bytes were, and both are
    kept. `file` is the name of the file that holds the bytes.
    """

    outcome: Outcome
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    version: int
    file: str


class Receiver:
    """Takes instances from any number of threads; those that come at the same time share a commit.

    Args:
        engine: Database of the archive.
        files: Its files.
    """

    def __init__(self, engine: Engine, files: InstanceFiles) -> None:
        self._engine = engine
        self._files = files
        self._group = GroupCommit(self._commit)
        self._flusher = ThreadPoolExecutor(1, "flush")

    def receive(self, instance: Part10, *, source: str = "") -> Receipt:
        """Store an instance; when this returns, it survives the loss of power.

        The bytes are kept as they came, in the transfer syntax in which they came.

        Args:
            instance: What was received.
            source: From where: an AE title, or "import".

        Raises:
            RefusedInput: it cannot be parsed, or a UID is missing or none.
            ArchiveFull: there is no room.
            ArchiveUnavailable: the disk or the database does not answer. What is not acknowledged may be
                sent again at any time.
        """
        header = read_header(instance)
        file_digest, dataset_digest = instance.digests()
        arrival = Arrival(
            header=header,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            written=write_instance(self._files, instance),
            name=new_name(header.study_uid, header.series_uid),
            size=instance.size,
            file_digest=file_digest,
            dataset_digest=dataset_digest,
            source="".join(c for c in source if c.isprintable())[:LONGEST_TEXT],
        )
        try:
            self._group.submit(arrival)
        finally:
            # Where it was not placed; a placed one has another name by now.
            arrival.written.unlink(missing_ok=True)
        if arrival.error is not None:
            raise arrival.error
        if arrival.kept != arrival.name:
            self._files.remove(arrival.name)
        return Receipt(
            arrival.outcome,
            header.study_uid,
            header.series_uid,
            header.sop_instance_uid,
            arrival.version,
            arrival.kept,
        )

    def close(self) -> None:
        """End the thread that flushes."""
        self._flusher.shutdown()

    def _commit(self, arrivals: Sequence[Arrival]) -> None:
        self._files.place([(arrival.written, arrival.name) for arrival in arrivals])
        # The rows are written while the names are being flushed, and committed when they are.
        flushed = self._flusher.submit(self._files.flush, [arrival.name for arrival in arrivals])
        try:
            self._record(arrivals, flushed)
        except DataError:  # one of them has a value that the database does not take
            for arrival in arrivals:
                try:
                    self._record([arrival], flushed)
                except Exception as error:
                    arrival.error = error

    def _record(self, arrivals: Sequence[Arrival], flushed: "Future[None]") -> None:
        wait = _FIRST_WAIT_S
        for left in reversed(range(TRIES)):
            try:
                with writing(self._engine) as connection:
                    record(connection, arrivals, is_there=self._files.is_there)
                    flushed.result()
                return
            except (IntegrityError, ArchiveUnavailable) as error:
                # Where it fails for good the files stay, as strays that `verify` finds: a commit whose answer
                # was lost may have been made.
                if not left or not _may_pass(error):
                    raise
            time.sleep(wait)
            wait *= 2


def _may_pass(error: Exception) -> bool:
    if isinstance(error, IntegrityError):  # another process stored the same, or removed the study
        return True
    return isinstance(error.__cause__, DBAPIError) and is_passing(error.__cause__)
