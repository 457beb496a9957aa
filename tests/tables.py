"""Tables for the archives of tests: the migrations run once a process, and whoever wants them on SQLite gets a copy."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from firstread.archive.database import open_engine, upgrade


def make_tables(engine: Engine) -> None:
    """Do what `upgrade` does; an empty SQLite file is filled from the template first."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        file = Path(engine.url.database)
        if file.is_file() and file.stat().st_size == 0:
            file.write_bytes(_template())
    upgrade(engine)


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.sqlite"
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()
        assert not file.with_name(f"{file.name}-wal").exists()
        return file.read_bytes()
