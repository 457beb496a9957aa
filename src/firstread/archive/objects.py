"""Instances in a bucket of an object store that speaks S3, shared by any number of hosts.

    s3://BUCKET/PREFIX/ab/…/x.dcm   what is stored, by the names that a folder would have

An object is there whole or not at all: it is put in one request, with its sha256, which the store checks, and only
where its name is not taken. It has its name before its row is committed, so that what is acknowledged is in the
bucket, and what a host that is lost was putting is a stray at most.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, select

from firstread.archive.cache import FileCache
from firstread.archive.database import reading
from firstread.archive.disk import make_folder, on_disk
from firstread.archive.incoming import OwnFolder
from firstread.archive.models import Instance
from firstread.archive.store import NAME, checked
from firstread.errors import ArchiveUnavailable, UsageError

if TYPE_CHECKING:
    from obstore.store import S3Store

_PIECE = 1 << 20
_CONNECT_S, _SILENT_S, _WHOLE_S = 5, 60, 300
_TRIES, _TRYING_S = 3, 20
_REMEDY = "See that it runs and that the settings instances_* are right; then try again."


@dataclass(frozen=True)
class Bucket:
    """Where the objects are, and what is kept of them on this host.

    `url` is s3://BUCKET/PREFIX; `options` are those of obstore's S3Store, and what they leave out is taken from the
    usual AWS_* variables. `cache` and `cache_bytes` are the folder and the size of what is kept.
    """

    url: str
    options: Mapping[str, str] = field(repr=False)
    cache: Path
    cache_bytes: int

    def store(self) -> "S3Store":
        """Return the client; it calls nobody yet.

        Raises:
            UsageError: obstore is not installed, or the address or an option is none.
        """
        try:
            from obstore.exceptions import BaseError
            from obstore.store import S3Store
        except ImportError:
            raise UsageError(
                "The setting instances_url needs obstore.", remedy="Install firstread with the extra `s3`."
            ) from None
        parts = urlsplit(self.url)
        if parts.scheme != "s3" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise UsageError(
                "The setting instances_url is no s3://BUCKET/PREFIX.",
                remedy="Correct it; keys have settings of their own.",
            )
        # In the clear only where the endpoint says so.
        clear = self.options.get("endpoint", "").startswith("http://")
        options: Any = dict(self.options)
        try:
            return S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                checksum_algorithm="SHA256",
                client_options={
                    "connect_timeout": f"{_CONNECT_S}s",
                    "read_timeout": f"{_SILENT_S}s",
                    "timeout": f"{_WHOLE_S}s",
                    **({"allow_http": True} if clear else {}),
                },
                retry_config={"max_retries": _TRIES, "retry_timeout": timedelta(seconds=_TRYING_S)},
                **options,
            )
        except (BaseError, ValueError):
            raise UsageError("The settings instances_* cannot be used.", remedy="Correct them.") from None


class InstanceObjects:
    """The objects under one prefix, as `InstanceStore`.

    Args:
        folder: Of the archive.
        engine: Its database, which knows what an object must be.
        bucket: Where the objects are.

    Raises:
        UsageError: the bucket's settings cannot be used.
        ArchiveUnavailable: a folder cannot be used.
    """

    def __init__(self, folder: Path, engine: Engine, bucket: Bucket) -> None:
        self._store = bucket.store()
        self._engine = engine
        self.derived = folder / "metadata"
        with on_disk(folder):
            make_folder(self.derived)
            self._own = OwnFolder(folder / "incoming")
        try:
            self._cache = FileCache(bucket.cache, bucket.cache_bytes, self.pieces, self._recorded)
        except BaseException:
            self._own.close()
            raise

    def close(self) -> None:
        """See `InstanceStore`."""
        self._cache.close()
        self._own.close()

    def spool(self, in_memory: int) -> IO[bytes]:
        """See `InstanceStore`."""
        return self._own.spool(in_memory)

    def write(self, name: str, pieces: Iterable[bytes | memoryview]) -> None:
        """See `InstanceStore`; it has its name when this returns."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        content = [bytes(piece) for piece in pieces]
        with _answering():
            try:
                obstore.put(self._store, checked(name), iter(content), mode="create", use_multipart=False)
            except AlreadyExistsError:
                # No two files get the same name: it is ours, and the answer to the first try was lost.
                if _digest(self.pieces(name)) != _digest(content):
                    raise ArchiveUnavailable(
                        "The object store has another object of that name.", remedy="Send it again."
                    ) from None
            except FileNotFoundError:
                raise ArchiveUnavailable(
                    "The bucket is not there.", remedy="Make it, or correct the setting instances_url."
                ) from None

    def place(self, written: list[tuple[Path, str]]) -> None:
        """See `InstanceStore`; everything has its name already."""

    def flush(self) -> None:
        """See `InstanceStore`; what the bucket confirmed needs none."""

    def is_there(self, name: str, size: int) -> bool:
        """See `InstanceStore`."""
        import obstore

        with _answering():
            try:
                return bool(obstore.head(self._store, checked(name))["size"] == size)
            except FileNotFoundError:
                return False

    def at_hand(self, *names: str) -> AbstractContextManager[tuple[Path, ...]]:
        """See `InstanceStore`."""
        return self._cache.at_hand([checked(name) for name in names])

    def pieces(self, name: str) -> Iterator[bytes]:
        """See `InstanceStore`."""
        import obstore

        with _answering():
            for piece in obstore.get(self._store, checked(name)).stream(_PIECE):
                yield bytes(piece)

    def names(self) -> Iterator[str]:
        """See `InstanceStore`."""
        import obstore

        with _answering():
            for listed in obstore.list(self._store):
                for each in listed:
                    yield each["path"]

    def remove(self, name: str) -> None:
        """See `InstanceStore`."""
        import obstore

        self._cache.forget(checked(name))
        with suppress(OSError):
            (self.derived / PurePosixPath(name).parent).unlink(missing_ok=True)
        with suppress(ArchiveUnavailable), _answering(), suppress(FileNotFoundError):
            obstore.delete(self._store, name)

    def remove_stray(self, name: str, age_s: float) -> bool:
        """See `InstanceStore`."""
        import obstore

        if not NAME.fullmatch(name):
            return False
        with _answering():
            try:
                changed = obstore.head(self._store, name)["last_modified"]
                if (datetime.now(UTC) - changed).total_seconds() < age_s:
                    return False
                obstore.delete(self._store, name)
            except FileNotFoundError:
                return False
        return True

    def removed_meanwhile(self, names: Iterable[str]) -> bool:
        """See `InstanceStore`."""
        asked = list(names)
        return len(self._recorded(asked)) < len(asked)

    def _recorded(self, names: Sequence[str]) -> dict[str, str]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(Instance.file, Instance.file_digest).where(Instance.file.in_(names))
            )
            return {row.file: row.file_digest for row in rows}


@contextmanager
def _answering() -> Iterator[None]:
    """Give a failure of the object store its name; its own text has addresses, and may have more."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        raise ArchiveUnavailable("The object store refuses our keys.", remedy=_REMEDY) from None
    except BaseError as error:
        raise ArchiveUnavailable(
            f"The object store does not answer ({type(error).__name__}).", remedy=_REMEDY
        ) from None


def _digest(pieces: Iterable[bytes]) -> str:
    found = sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()
