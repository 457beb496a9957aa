"""The scripts of benchmarks/, each in a process of its own, on the small chest and its reader of no networks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def benchmark(ball_reader):
    """A function from a script's name and arguments to the ended process; reads are by the reader `ball`."""
    places = [str(ball_reader), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}

    def run(name, *arguments):
        command = [sys.executable, f"benchmarks/{name}.py", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return run
