"""The demo's node: `firstread serve` as a process of its own, with settings of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from firstread.cli.demo.folder import MARK, DemoFolder
from firstread.errors import FirstreadError
from firstread.network import Peer
from firstread.settings import PREFIX

SCANNER = "DEMO_CT"
PACS = "DEMO_PACS"
ROUTE = "chest CT"
QUIET_S = 3
_OF_THE_HOST = tuple(f"{PREFIX}{name}" for name in ("CACHE_DIR", "DEBUG", "MODELS", "PRECISION", "THREADS"))
_STOP_S = 60.0


@dataclass(frozen=True)
class DemoNode:
    """The running node, as the scanner calls it."""

    peer: Peer
    process: "subprocess.Popen[str]"


@contextmanager
def running_node(folder: DemoFolder, pacs_port: int) -> Iterator[DemoNode]:
    """Yield the node while it runs; at the end it is stopped as an operator would stop it.

    Raises:
        FirstreadError: it does not start, or does not stop well.
    """
    folder.settings.write_text(settings_of(folder, pacs_port), encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own |= {name: os.environ[name] for name in _OF_THE_HOST if name in os.environ}
    with (
        folder.log.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "firstread.cli", "serve", "--json"],
            env={**own, f"{PREFIX}CONFIG": str(folder.settings)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the demo, which stops it
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise FirstreadError("The node did not start.", remedy=f"Its log is {folder.log}.")
            facts = json.loads(line)
            yield DemoNode(Peer(facts["ae_title"], facts["host"], facts["port"]), process)
            process.terminate()
            if process.wait(_STOP_S) != 0:
                raise FirstreadError("The node did not stop well.", remedy=f"Its log is {folder.log}.")
        finally:
            process.kill()


def settings_of(folder: DemoFolder, pacs_port: int) -> str:
    """Return the settings of the node: who may call, where results go, what is read."""
    return f"""{MARK}archive_dir = {json.dumps(str(folder.archive))}
archive_reserve_mib = 0
study_quiet_s = {QUIET_S}
api_port = 0
dicom_port = 0
dicom_callers = ["{SCANNER}"]

[destinations]
pacs = "{PACS}@127.0.0.1:{pacs_port}"
folder = {json.dumps(f"folder:{folder.results}")}

[[routes]]
name = "{ROUTE}"
reader = "lung_nodule"
destinations = ["pacs", "folder"]
when = {{ modality = "CT", slice_thickness_mm = {{ max = 3 }}, images = {{ min = 40 }} }}
"""
