"""Stored files as rows, taken in portions, so that neither memory nor a long transaction is needed for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from firstread.archive.database import reading
from firstread.archive.models import Instance

PORTION = 1000


@dataclass(frozen=True)
class StoredFile:
    """One file as the database knows it; sizes in bytes, digest as sha256 (hex)."""

    id: int
    sop_instance_uid: str
    name: str
    size: int
    digest: str


def stored_files(engine: Engine) -> Iterator[StoredFile]:
    """Yield every file that a row names; what is received meanwhile may be among them or not."""
    last = 0
    while True:
        statement = (
            select(Instance.id, Instance.sop_instance_uid, Instance.file, Instance.size, Instance.file_digest)
            .where(Instance.id > last)
            .order_by(Instance.id)
            .limit(PORTION)
        )
        with reading(engine) as connection:
            portion = [StoredFile(*row) for row in connection.execute(statement)]
        yield from portion
        if len(portion) < PORTION:
            return
        last = portion[-1].id


def count_files(engine: Engine) -> int:
    """Return how many files the database names."""
    with reading(engine) as connection:
        return connection.execute(select(func.count(Instance.id))).scalar_one()
