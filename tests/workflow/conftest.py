"""Archives with small studies in them, and readers that read them, on both databases."""

import os

import pytest

from firstread.archive import open_archive
from firstread.settings import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """None for SQLite in the archive's folder, else the URL of an empty PostgreSQL database."""
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


@pytest.fixture
def archive(tmp_path, database_url):
    with open_archive(tmp_path / "archive", url=database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_archive(tmp_path):
    """An archive where what is tested does not depend on the database."""
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def settings(tmp_path):
    """Settings in which nothing waits longer than it must."""
    return Settings(archive_dir=tmp_path / "archive", cache_dir=tmp_path / "cache", study_quiet_s=0.0)


@pytest.fixture
def told(tmp_path, ball_reader, monkeypatch):
    """A function that tells the reader `ball`, in whatever process, what to do from now on."""
    return tell_ball_reader(ball_reader, tmp_path, monkeypatch)


def tell_ball_reader(site, folder, patch):
    """Return what `told` is; the word lies in a folder, where every process finds it."""
    word = folder / "told"
    patch.setenv("BALL_READER", f"@{word}")
    patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))

    def tell(what):
        new = word.with_suffix(".new")
        new.write_text(what)
        new.rename(word)

    return tell
