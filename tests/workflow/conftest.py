"""Settings of a worker, a job that waits, and a reader that does as it is told."""

import os

import pytest

from firstread.settings import Settings
from tests.workflow.samples import receive, want


@pytest.fixture
def settings(tmp_path):
    """Settings in which nothing waits longer than it must."""
    return Settings(archive_dir=tmp_path / "archive", cache_dir=tmp_path / "cache", study_quiet_s=0.0)


@pytest.fixture
def job(archive):
    """A job that waits, of a study of three images."""
    receive(archive)
    (made,) = want(archive)
    return made


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
