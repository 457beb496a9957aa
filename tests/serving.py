"""`firstread serve` as a process of its own."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import requests

from firstread.network import Peer

SOURCE = Path(__file__).resolve().parent.parent / "src"


class Serving:
    """A running node: its process, what it told on its start, and its log so far in `log`."""

    def __init__(self, process, log):
        self.process, self.log = process, log
        line = process.stdout.readline()
        assert line, log.read_text()
        self.told = json.loads(line)

    @property
    def peer(self):
        """The node as others call it."""
        return Peer(self.told["ae_title"], self.told["host"], self.told["port"])

    def health(self, which="ready"):
        """Ask how it is."""
        where = self.told.get("api") or self.told["health"]
        return requests.get(f"http://127.0.0.1:{where['port']}/health/{which}", timeout=30)

    def events(self):
        """What it logged."""
        return [json.loads(line)["event"] for line in self.log.read_text().splitlines()]


@contextmanager
def serving(folder, *options, role="scp", command=(), **settings):
    """Run the node on free ports with its archive in a folder, until the block ends; it is killed then.

    A command stands in place of `serve` in that role. Settings are written as such or as variables; None leaves one
    out that is set here.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]),
        "FIRSTREAD_ARCHIVE_DIR": str(folder / "archive"),
        "FIRSTREAD_ARCHIVE_RESERVE_MIB": "0",
        "FIRSTREAD_DICOM_PORT": "0",
        "FIRSTREAD_DICOM_CALLERS": "SCANNER",
        "FIRSTREAD_API_PORT": "0",
        "FIRSTREAD_API_LOCAL_ROLES": "administrator",
        **{
            name if name.isupper() else f"FIRSTREAD_{name.upper()}": value for name, value in settings.items()
        },
    }
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [
        sys.executable,
        "-m",
        "firstread.cli",
        *(command or ("serve", "--role", role)),
        "--json",
        *options,
    ]
    path = folder / f"{role}.log"
    with (
        path.open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            yield Serving(process, path)
        finally:
            process.kill()
