"""`firstread read` as a user meets it: a process of its own, and what it cost."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from firstread.engine import cpu
from firstread.engine.machine import Machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
STAGES = ("load", "segment", "detect", "classify", "measure", "report")
COMMAND = (sys.executable, "-m", "firstread.cli")

Figures = dict[str, float]


def choose_study(wanted: Path | None, scratch: Path) -> tuple[Path, str]:
    """Return the study to read, and its name for the table."""
    study = wanted or shared_study()
    if study.exists():
        return study, study.resolve().name
    if wanted is not None:
        sys.exit(f"{wanted} does not exist.")
    return make_phantom(scratch / "phantom"), "phantom"


def shared_study() -> Path:
    """Return where the shared study lies, if it is there."""
    shared = os.environ.get("FIRSTREAD_TEST_DATA") or ROOT.parent / "shared" / "data"
    return Path(shared) / "ct" / "lidc-0002"


def make_phantom(folder: Path, *options: str) -> Path:
    """Write a phantom, in a process of its own."""
    subprocess.run([*COMMAND, "phantom", str(folder), "--quiet", *options], check=True)
    return folder


def list_files_once(study: Path) -> None:
    """Bring the study into the page cache, so that the first read is not charged with the disk."""
    for path in [study] if study.is_file() else study.rglob("*"):
        if path.is_file():
            path.read_bytes()


def start_read(study: Path, out: Path, cache: Path, extra: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """Start `firstread read`."""
    command = [*COMMAND, "read", str(study), "--out", str(out), "--force", "--quiet", *extra]
    return subprocess.Popen(command, env={**os.environ, "FIRSTREAD_CACHE_DIR": str(cache)})


def end_read(child: "subprocess.Popen[bytes]") -> Figures:
    """Wait for a read; return its processor seconds and peak MB. A read that fails ends the benchmark."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if status:
        sys.exit(f"firstread read ended with exit code {child.returncode}.")
    return {
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),  # tells a busy machine from a slow program
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6),  # Linux counts ru_maxrss in KiB
    }


def read_once(study: Path, out: Path, cache: Path, extra: Sequence[str] = ()) -> Figures:
    """Return wall and processor seconds, peak MB and seconds by stage of one read."""
    start = perf_counter()
    figures = end_read(start_read(study, out, cache, extra))
    wall = perf_counter() - start
    timings = json.loads((out / "result.json").read_text(encoding="utf-8"))["timings_s"]
    return {"wall": round(wall, 2), **figures, **timings}


def median(runs: Sequence[Figures]) -> Figures:
    """Return the median of every number."""
    return {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}


def host() -> dict[str, Any]:
    """Return what the numbers depend on, as JSON has it; the load average tells what else ran meanwhile.

    The variable ONEDNN_MAX_CPU_ISA, e.g. AVX2, keeps OpenVINO to what a lesser processor has.
    """
    here = Machine.here(cpu.granted()).model_dump(mode="json")
    most = os.environ.get("ONEDNN_MAX_CPU_ISA")
    return {
        **here,
        **({"instructions_up_to": most} if most else {}),
        "load_average_5_min": round(os.getloadavg()[1], 1),
    }


def write_report(report: dict[str, Any], path: Path) -> None:
    """Keep a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
