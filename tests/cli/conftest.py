"""The command line, called in this process."""

import signal
import sys
from typing import NamedTuple

import pytest

from firstread.cli import main
from tests.kept_logging import kept_logging


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def firstread(monkeypatch, capsys, tmp_path):
    """A function from arguments to exit code, output and messages; runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    former = signal.getsignal(signal.SIGTERM)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["firstread", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(ended.value.code or 0, *capsys.readouterr())

    with kept_logging():
        yield run
    signal.signal(signal.SIGTERM, former)
