"""Archives of the tests' own, on both databases."""

import pytest

from firstread.archive import open_archive


@pytest.fixture
def archive(tmp_path, database_url):
    with open_archive(tmp_path / "archive", url=database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_archive(tmp_path):
    """An archive where what is tested does not depend on the database."""
    with open_archive(tmp_path / "archive") as opened:
        yield opened
