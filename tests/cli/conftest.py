"""The command line, called in this process."""

import signal
import sys
from functools import cache
from typing import NamedTuple

import pytest
import typer.main

from firstread.cli import main
from tests.kept_logging import kept_logging

_built = cache(typer.main.get_command)
"""The tree of commands: typer builds it anew for each call, which takes longer than most commands."""


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
    monkeypatch.setattr(typer.main, "get_command", _built)
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
