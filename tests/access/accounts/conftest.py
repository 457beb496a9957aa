"""A database of accounts, and one person in it."""

import pytest

from firstread.access.accounts.account import create_account
from firstread.access.accounts.passwords import set_password
from firstread.archive.database import open_engine, writing
from firstread.settings import Settings
from tests.tables import make_tables

PASSWORD = "seven grey herons wade"


@pytest.fixture
def engine(tmp_path, database_url):
    """A database with the tables, SQLite and PostgreSQL."""
    made = open_engine(database_url or f"sqlite:///{tmp_path / 'archive.sqlite'}")
    make_tables(made)
    yield made
    made.dispose()


@pytest.fixture
def sqlite(tmp_path):
    made = open_engine(f"sqlite:///{tmp_path / 'archive.sqlite'}")
    make_tables(made)
    yield made
    made.dispose()


@pytest.fixture
def settings():
    return Settings()


def make_person(engine, name="ada", password=PASSWORD, **more):
    with writing(engine) as connection:
        account = create_account(connection, name, **more)
        if password:
            set_password(connection, account.id, password)
    return account
