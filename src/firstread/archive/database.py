"""The archive's database: SQLite in write-ahead mode by default, PostgreSQL by URL."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from firstread.archive.disk import flush_folder
from firstread.errors import ArchiveFull, ArchiveUnavailable, UsageError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0013"
"""The revision of migrations/ that this version works with; tests/archive/test_database.py keeps it true."""

PATIENCE = {
    "connect_timeout": 10,  # seconds, as the next two
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 40_000,  # milliseconds
    "options": "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4 "
    "-c tcp_user_timeout=40000",
}
"""Of connections to PostgreSQL, in libpq's names: a server that the network cut off is given up within a minute. The
options have the server give up a client in the same time, and let go of what it had locked.
"""

BUSY_S = 30.0  # how long a writer waits for another process's transaction
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 7_318_221_904  # any number that nothing else on the server uses
_FULL = ("database or disk is full", "No space left on device")


def open_engine(url: str) -> Engine:
    """Return an engine for a URL such as sqlite:////var/lib/firstread/archive.sqlite or postgresql://host/name.

    Raises:
        UsageError: the URL is none, or names a database that firstread does not speak with.
        ArchiveUnavailable: the SQLite file cannot be made.
    """
    remedy = (
        "Write postgresql://USER:PASSWORD@HOST/NAME or sqlite:////FOLDER/FILE in the setting database_url."
    )
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("The URL of the archive's database is none.", remedy=remedy) from None
    kind = parsed.get_backend_name()
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        _make_private(Path(parsed.database))
        engine = create_engine(
            parsed, connect_args={"timeout": BUSY_S, "isolation_level": None}, pool_size=16, max_overflow=48
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if kind == "postgresql":
        try:
            return create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                pool_size=8,
                max_overflow=24,
                connect_args=dict(PATIENCE),
            )
        except (ImportError, NoSuchModuleError):
            raise UsageError(
                "PostgreSQL's driver is not installed.", remedy="pip install 'firstread[postgresql]'"
            ) from None
    raise UsageError("The archive's database is neither SQLite in a file nor PostgreSQL.", remedy=remedy)


def _make_private(path: Path) -> None:
    """Make an SQLite file that only its owner reads; the log beside it is made with the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ArchiveUnavailable(
            f"{path} cannot be used: {error.strerror}.", remedy="Correct archive_dir or database_url."
        ) from None


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # NORMAL may lose the last commits when the power goes
        "foreign_keys = ON",
        "case_sensitive_like = ON",  # as in PostgreSQL
        "cache_size = -65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its place at once: a reader that becomes a writer could fail instead of waiting.
    options = connection.get_execution_options()
    writes = options.get("writes", False)
    # NORMAL may lose the last commits when the power goes; they are in the journal.
    durable = "NORMAL" if options.get("journalled") else "FULL"
    with driver(connection) as cursor:
        if writes and connection.info.get("synchronous", "FULL") != durable:
            cursor.execute(f"PRAGMA synchronous = {durable}")
            connection.info["synchronous"] = durable
        cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that sees one moment of the archive, whatever is written meanwhile.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _named(), engine.connect() as plain:
        connection = plain.execution_options(**level)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine, *, journalled: bool = False) -> Iterator[Connection]:
    """Yield a connection whose changes are durable when the block ends well, and undone when not.

    Args:
        engine: The database.
        journalled: The journal has what is written, so that a commit to SQLite need not wait for the disk
            (`flush_commits` does). PostgreSQL can lose power without this process, and always waits.

    Raises:
        ArchiveUnavailable: the database does not answer; nothing was written, or all of it (the connection
            can break after the commit).
        ArchiveFull: its disk is full.
    """
    with _named(), engine.connect() as plain:
        connection = plain.execution_options(writes=True, journalled=journalled)
        with connection.begin():
            yield connection


@contextmanager
def driver(connection: Connection) -> Iterator[Any]:
    """Yield a cursor of the database's driver, in the connection's transaction; what it raises is SQLAlchemy's."""
    dialect = connection.dialect
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
    finally:
        cursor.close()


def flush_commits(engine: Engine) -> None:
    """Wait until everything that was committed is on the disk.

    Raises:
        ArchiveUnavailable, ArchiveFull: the database, or its disk, fails.
    """
    if engine.dialect.name == "postgresql":
        return
    log = Path(f"{engine.url.database}-wal")
    try:
        # SQLite itself flushes what it moves from the log into the database. (Its locks are on other files.)
        with suppress(FileNotFoundError), log.open("rb") as stream:
            os.fsync(stream.fileno())
        flush_folder(log.parent)
    except OSError as error:
        raise ArchiveUnavailable(
            f"{log} cannot be flushed: {error.strerror}.", remedy="See to its disk."
        ) from error


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise unavailable(error) from error


def unavailable(error: DBAPIError) -> ArchiveUnavailable:
    """Say what a failure of the database means, without its words: they can quote a patient."""
    if any(words in str(error.orig) for words in _FULL):
        return ArchiveFull(
            "The disk of the archive's database is full.", remedy="Make room; nothing half-written was kept."
        )
    return ArchiveUnavailable(
        "The archive's database does not answer, or its disk fails.",
        remedy="See that it runs and that database_url names it; then try again.",
    )


def is_passing(error: DBAPIError) -> bool:
    """Tell whether the same transaction may succeed when it is tried again at once."""
    state: Any = getattr(error.orig, "sqlstate", None)
    return bool(error.connection_invalidated) or state in ("40001", "40P01")


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision; several processes may try at once.

    Raises:
        UsageError: a newer version of firstread made the tables.
        ArchiveUnavailable: the database does not answer.
    """
    with reading(engine) as connection:
        if revision(connection) == HEAD:
            return
    from alembic import command
    from alembic.util import CommandError

    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        try:
            command.upgrade(migration_config(connection), "head")
        except CommandError:
            raise UsageError(
                "The archive was made by a newer version of firstread.", remedy="Install that version."
            ) from None


def revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def migration_config(connection: Connection) -> "Config":
    """Return Alembic's configuration for this connection; the migrations are part of the package."""
    from alembic.config import Config

    config = Config(stdout=sys.stdout)  # else what it was when Alembic was loaded
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
