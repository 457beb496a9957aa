"""The one way into the archive: an instance becomes durable, once, before anybody is told so."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from firstread.archive.database import is_passing, writing
from firstread.archive.group_commit import GroupCommit
from firstread.archive.header import LONGEST_TEXT, read_header
from firstread.archive.journal import Entry, Journal, Record
from firstread.archive.part10 import Part10
from firstread.archive.record import Arrival, Outcome, record
from firstread.archive.recovery import is_there_as_it_came, replay_journals, settle
from firstread.archive.store import InstanceStore, new_name
from firstread.errors import ArchiveFull, ArchiveUnavailable

TRIES = 5
_FIRST_WAIT_S = 0.02


@dataclass(frozen=True)
class Receipt:
    """What the archive has acknowledged: the instance is on the disk and in the database.

    `outcome`: stored; duplicate, the same bytes were there before; conflict, other bytes were, and both are
    kept; returned, the same where one of the two is a result of firstread. `file` is the name of the file that
    holds the bytes.
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
        folder: Of the archive; what a process that was cut off had acknowledged is restored from its journal.
    """

    def __init__(self, engine: Engine, files: InstanceStore, folder: Path) -> None:
        self._engine = engine
        self._files = files
        self._group = GroupCommit(self._commit)
        replay_journals(engine, files, folder, self._restore)
        self._journal = Journal(folder, lambda: settle(engine, files))

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
        arrival = self._arrival(instance, source)
        entry = Entry(instance, arrival.file_digest, arrival.source)
        try:
            self._journal.put(entry)
            arrival.durable = entry.durable
            arrival.written = self._files.write(arrival.name, (instance.header, instance.dataset))
            self._group.submit(arrival)
            if arrival.error is not None:
                raise arrival.error
        finally:
            # Where it was not placed; a placed one has another name by now.
            if arrival.written is not None:
                arrival.written.unlink(missing_ok=True)
            self._journal.answered(entry)
            if entry.durable.exception() is not None:  # no row can have been committed
                self._files.remove(arrival.name)
        if arrival.kept != arrival.name:
            self._files.remove(arrival.name)
        header = arrival.header
        return Receipt(
            arrival.outcome,
            header.study_uid,
            header.series_uid,
            header.sop_instance_uid,
            arrival.version,
            arrival.kept,
        )

    def close(self) -> None:
        """Flush what is only in the journal so far, and let go of it."""
        self._journal.close()

    def _arrival(self, instance: Part10, source: str) -> Arrival:
        header = read_header(instance)
        file_digest, dataset_digest = instance.digests()
        return Arrival(
            header=header,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            name=new_name(header.study_uid, header.series_uid),
            size=instance.size,
            file_digest=file_digest,
            dataset_digest=dataset_digest,
            source="".join(c for c in source if c.isprintable())[:LONGEST_TEXT],
        )

    def _restore(self, found: Record) -> None:
        """Store an instance of a journal again, where its row or its file is not as it was acknowledged."""
        arrival = self._arrival(found.instance, found.source)
        written = self._files.write(arrival.name, (found.instance.header, found.instance.dataset))
        if written is not None:
            self._files.place([(written, arrival.name)])
        with writing(self._engine, journalled=True) as connection:
            record(
                connection,
                [arrival],
                is_there=lambda name, size: is_there_as_it_came(
                    self._files, name, size, arrival.dataset_digest
                ),
            )
        if arrival.kept != arrival.name:
            self._files.remove(arrival.name)

    def _commit(self, arrivals: Sequence[Arrival]) -> None:
        try:
            self._files.place([(arrival.written, arrival.name) for arrival in arrivals if arrival.written])
        except ArchiveUnavailable:
            self._discard(arrivals)
            raise
        try:
            self._record(arrivals)
        except DataError:  # one of them has a value that the database does not take
            for arrival in arrivals:
                try:
                    self._record([arrival])
                except Exception as error:
                    arrival.error = error
                    if isinstance(error, DataError):
                        self._discard([arrival])

    def _record(self, arrivals: Sequence[Arrival]) -> None:
        wait = _FIRST_WAIT_S
        unknown = False  # the answer to a commit was lost, which may have been made
        for left in reversed(range(TRIES)):
            committing = False
            try:
                with writing(self._engine, journalled=True) as connection:
                    record(connection, arrivals, is_there=self._files.is_there)
                    # The rows are written while the journal is being flushed, and committed when it is.
                    for arrival in arrivals:
                        if arrival.durable is not None:
                            arrival.durable.result()
                    committing = True
                return
            except (IntegrityError, ArchiveUnavailable) as error:
                unknown |= committing and not isinstance(error, (IntegrityError, ArchiveFull))
                if not left or not _may_pass(error):
                    # Where it is unknown the files stay, as strays that `verify` finds.
                    if not unknown:
                        self._discard(arrivals)
                    raise
            time.sleep(wait)
            wait *= 2

    def _discard(self, arrivals: Sequence[Arrival]) -> None:
        """Remove files that no row names: senders that try again and again would fill the disk with them."""
        for arrival in arrivals:
            self._files.remove(arrival.name)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, IntegrityError):  # another process stored the same, or removed the study
        return True
    return isinstance(error.__cause__, DBAPIError) and is_passing(error.__cause__)
