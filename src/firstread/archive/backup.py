"""A backup is a folder: the rows as an SQLite file, whatever the archive's database is, and the files beside it.

    FOLDER/archive.sqlite   the rows of one moment
    FOLDER/instances/…      every file that they name, verified while it was copied
    FOLDER/results/…        every result folder that they name

Files never change, so the next backup into the same folder copies only what is new. As the rows are the same in
both databases, a backup of one can be restored into the other.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from firstread.archive.archive import DATABASE, Archive
from firstread.archive.database import HEAD, open_engine, reading, revision, upgrade, writing
from firstread.archive.disk import flush_folder, on_disk
from firstread.archive.models import Instance, Worker
from firstread.archive.results import copy_results, is_result_folder, result_folders
from firstread.archive.store import NAME, InstanceStore
from firstread.archive.stored import StoredFile, count_files, stored_files
from firstread.archive.tables import metadata
from firstread.archive.verify import FaultyFile, digest_of
from firstread.errors import ArchiveUnavailable, FirstreadError, RefusedInput, UsageError
from firstread.progress import Progress, silent

PORTION = 1000
_CHUNK = 1 << 20
_PASSING = (Worker.__tablename__, "session", "account_link", "login_attempt")
"""Which process works now is nothing to keep; and who was logged in then, or had a link, must not be so again."""


@dataclass(frozen=True)
class Copied:
    """Files in the backup or archive, how many of them were copied now, and those with a fault, which were not."""

    files: int
    copied: int
    bytes: int
    faults: tuple[FaultyFile, ...]


def backup(archive: Archive, folder: Path, *, progress: Progress = silent) -> Copied:
    """Copy rows and files into a folder, which may hold an earlier backup of the same archive.

    The rows are taken in one moment, first; the archive may be in use meanwhile. The new rows take the place of
    the earlier ones when every file is there, so a backup that was cut off leaves the earlier one as it was.

    Raises:
        UsageError: the folder holds something else, or is the archive's own.
        ArchiveFull: there is no room for it.
        ArchiveUnavailable: the database or a disk does not answer.
    """
    _check_target(archive, folder)
    with on_disk(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = folder / f"{DATABASE}.partial"
        _remove_database(fresh)
    engine = open_engine(f"sqlite:///{fresh.absolute()}")
    try:
        upgrade(engine)
        with reading(archive.engine) as source, writing(engine) as target:
            _copy_rows(source, target)
        target_folder = folder / "instances"
        copied = _copy_files(
            engine, lambda stored: _copy_out(stored, archive.files, target_folder), "backup", progress
        )
        _flush_folders(target_folder)
        copied = _with_results(engine, copied, archive.folder, folder)
        with engine.connect() as connection:  # one file that can be moved, without a log beside it
            connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")  # type: ignore[union-attr]
    finally:
        engine.dispose()
    with on_disk(folder):
        os.replace(fresh, folder / DATABASE)
        flush_folder(folder)
    return copied


def restore(archive: Archive, folder: Path, *, progress: Progress = silent) -> Copied:
    """Fill an empty archive from a backup; every file is verified while it is copied.

    A file with a fault is left out and told; its row is restored, so that `verify` goes on telling.

    Raises:
        UsageError: the folder is no backup, or the archive is not empty.
        RefusedInput: the backup names files outside itself.
        ArchiveFull, ArchiveUnavailable: as `backup`.
    """
    if not (folder / DATABASE).is_file():
        raise UsageError(f"{folder} holds no backup.", remedy=f"Name the folder that holds {DATABASE}.")
    if count_files(archive.engine) or _has_trail(archive.engine):
        raise UsageError(
            f"The archive in {archive.folder} is not empty.",
            remedy="Restore into a new one: set archive_dir.",
        )
    engine = _open_backup(folder)
    try:
        with reading(engine) as source:
            names = source.execute(select(Instance.file)).scalars()
            folders = result_folders(source)
            if not (all(NAME.fullmatch(name) for name in names) and all(map(is_result_folder, folders))):
                raise RefusedInput(
                    f"The backup in {folder} names files outside itself.", remedy="Use another backup."
                )
        source_folder = folder / "instances"
        copied = _copy_files(
            engine, lambda stored: _copy_in(stored, source_folder, archive.files), "restore", progress
        )
        archive.files.flush()
        copied = _with_results(engine, copied, folder, archive.folder)
        with reading(engine) as source, writing(archive.engine) as target:
            _copy_rows(source, target)
            _settle(target)
    finally:
        engine.dispose()
    return copied


def _has_trail(engine: Engine) -> bool:
    """Tell whether there is an audit trail already; two chains cannot become one."""
    events = metadata().tables["audit_event"]
    with reading(engine) as connection:
        return connection.execute(select(events.c.id).limit(1)).first() is not None


def _with_results(engine: Engine, copied: Copied, source: Path, target: Path) -> Copied:
    """Copy the result folders too, and tell those that are missing."""
    with reading(engine) as connection:
        names = result_folders(connection)
    missing = copy_results(names, source, target)
    return replace(
        copied, faults=(*copied.faults, *(FaultyFile("a result", each, "missing") for each in missing))
    )


def _check_target(archive: Archive, folder: Path) -> None:
    absolute = folder.absolute().resolve()
    own = archive.folder.resolve()
    if absolute == own or absolute.is_relative_to(own) or own.is_relative_to(absolute):
        raise UsageError(
            "A backup cannot lie in the archive, nor around it.", remedy="Choose another folder."
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", remedy="Choose another.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "instances").is_dir():
        raise UsageError(f"{folder} holds something else than a backup.", remedy="Choose another folder.")


def _open_backup(folder: Path) -> Engine:
    engine = open_engine(f"sqlite:///{(folder / DATABASE).absolute()}")
    try:
        with reading(engine) as connection:
            found = revision(connection)
    except (DatabaseError, ArchiveUnavailable):
        engine.dispose()
        raise FirstreadError(
            f"{folder / DATABASE} is damaged.",
            remedy="Use another backup; its instances can be added singly.",
        ) from None
    if found != HEAD:
        engine.dispose()
        raise UsageError(
            f"The backup in {folder} is of another version of firstread.",
            remedy="Restore it with that version.",
        )
    return engine


def _copy_rows(source: Connection, target: Connection) -> None:
    for table in reversed(_kept()):
        # What a new database begins with goes, such as the shipped rules; nothing may be deleted of an audit trail.
        if target.execute(select(table).limit(1)).first() is not None:
            target.execute(delete(table))
    for table in _kept():
        for portion in _portions(source, table):
            target.execute(insert(table), portion)


def _kept() -> list[Table]:
    """Return the tables that are kept, each after those it refers to."""
    return [table for table in metadata().sorted_tables if table.name not in _PASSING]


def _portions(source: Connection, table: Table) -> Iterator[list[Mapping[str, Any]]]:
    rows = source.execute(
        select(table).order_by(*table.primary_key.columns), execution_options={"yield_per": PORTION}
    )
    for portion in rows.mappings().partitions():
        yield [dict(row) for row in portion]


def _settle(target: Connection) -> None:
    """Let PostgreSQL number new rows after the restored ones, and plan for their number; SQLite does so by itself."""
    if target.dialect.name != "postgresql":
        return
    for table in _kept():
        numbered = table.autoincrement_column
        if numbered is None:
            continue
        highest = target.execute(select(func.max(numbered))).scalar_one()
        if highest is not None:
            target.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, :column), :highest)"),
                {"name": table.name, "column": numbered.name, "highest": highest},
            )
    target.execute(text("ANALYZE"))


def _copy_files(engine: Engine, copy: Callable[[StoredFile], bool], stage: str, progress: Progress) -> Copied:
    total = max(count_files(engine), 1)
    files = copied = size = 0
    faults: list[FaultyFile] = []
    for stored in stored_files(engine):
        try:
            copied += copy(stored)
        except FileNotFoundError:
            faults.append(FaultyFile(stored.sop_instance_uid, stored.name, "missing"))
        except _Damaged:
            faults.append(FaultyFile(stored.sop_instance_uid, stored.name, "damaged"))
        files, size = files + 1, size + stored.size
        if files % 32 == 0:
            progress(stage, min(files / total, 1.0))
    progress(stage, 1.0)
    return Copied(files, copied, size, tuple(faults))


class _Damaged(Exception):
    pass


def _copy_out(stored: StoredFile, source: InstanceStore, target: Path) -> bool:
    """Copy a file into a folder and verify it on the way; False where it is there already and as it should be."""
    to, partial = target / stored.name, target / f"{stored.name}.partial"
    if to.is_file() and to.stat().st_size == stored.size and digest_of(to) == stored.digest:
        return False
    content = _verified(source.pieces(stored.name), stored.digest)
    first = next(content, b"")  # before anything is made: it may be missing
    with on_disk(target):
        for made in (target, partial.parent.parent, partial.parent):
            made.mkdir(mode=0o700, exist_ok=True)
        try:
            with open(partial, "wb", opener=_private) as writing_to:
                writing_to.write(first)
                writing_to.writelines(content)
                writing_to.flush()
                os.fsync(writing_to.fileno())
            os.replace(partial, to)
        finally:
            partial.unlink(missing_ok=True)
    return True


def _copy_in(stored: StoredFile, source: Path, target: InstanceStore) -> bool:
    """Copy a file of a backup into a store, as `_copy_out`."""
    if target.is_there(stored.name, stored.size):
        with suppress(_Damaged):
            for _ in _verified(target.pieces(stored.name), stored.digest):
                pass
            return False
    path = source / stored.name
    if not path.is_file():
        raise FileNotFoundError
    if digest_of(path) != stored.digest:
        raise _Damaged
    with path.open("rb") as stream:
        written = target.write(stored.name, iter(lambda: stream.read(_CHUNK), b""))
    if written is not None:
        target.place([(written, stored.name)])
    return True


def _verified(pieces: Iterator[bytes], digest: str) -> Iterator[bytes]:
    found = sha256()
    for piece in pieces:
        found.update(piece)
        yield piece
    if found.hexdigest() != digest:
        raise _Damaged


def _flush_folders(target: Path) -> None:
    """Wait until the names of the files are on the disk."""
    with on_disk(target):
        for folder in (target, *target.glob("*"), *target.glob("*/*")):
            if folder.is_dir():
                flush_folder(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
