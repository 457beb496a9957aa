"""Carry out the whole comparison: every way, every task, again and again; and once on other chests for accuracy."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.engines.outcome import TASKS
from benchmarks.engines.ways import ENVIRONMENT, WAYS, Plan, carry_out

ROOT = Path(__file__).resolve().parents[2]
CHOOSES = ("optimised", "shipped")
"""Ways that first try what is fastest on this host: PyTorch's variants, the packages' precisions."""
Say = Callable[[str], None]
Record = dict[str, Any]
"""What `carry_out` writes as JSON: times, samples, memory, precision, notes."""


def run_timed(
    case: str, scratch: Path, *, repeats: int, quick: bool, say: Say
) -> dict[str, dict[str, list[Record]]]:
    """Run every task every way, `repeats` times in turn; return the records by way and task.

    All ways take turns within a repeat, so that what else the host does falls on all of them.
    """
    records: dict[str, dict[str, list[Record]]] = {way: {task: [] for task in TASKS} for way in WAYS}
    variants: dict[str, str] = {}
    for repeat in range(1, repeats + 1):
        for task in TASKS:
            for way in WAYS:
                tried = {}
                if way in CHOOSES and repeat == 1 and not quick:
                    # Apart from the timed run, so that the memory of what lost is not counted.
                    tried = _carried_out(Plan(way, case, (task,), scratch))["notes"]
                    variants |= {task: tried["variant"]} if way == "optimised" else {}
                kept = variants if way == "optimised" else {}
                plan = Plan(way, case, (task,), scratch, kept, quick, is_timed=not quick)
                record = _carried_out(plan)
                record["notes"] |= tried
                records[way][task].append(record)
                say(f"repeat {repeat}/{repeats}, {task}, {WAYS[way]}: {record['total_s']:.2f} s")
    return records


def _carried_out(plan: Plan) -> Record:
    launch(plan)
    return json.loads((plan.folder / f"{plan.steps[0]}.json").read_text(encoding="utf-8"))


def run_for_accuracy(
    case: str, scratch: Path, *, steps: Sequence[str], variants: dict[str, str], quick: bool, say: Say
) -> None:
    """Run steps on one case, every way; firstread first: the others score its candidates too."""
    for way in ("shipped", *(way for way in WAYS if way != "shipped")):
        launch(Plan(way, case, steps, scratch, variants if way == "optimised" else {}, quick))
        say(f"accuracy, {case}, {WAYS[way]}")


def launch(plan: Plan) -> None:
    """Carry a plan out in a process of its own, so that its memory can be told; in this one where it is quick.

    Raises:
        RuntimeError: the process failed.
    """
    if plan.quick:
        carry_out(plan)
        return
    # Threads are each way's own affair: what the caller's shell says of them is not PyTorch's default.
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {**kept, "PYTHONPATH": str(ROOT), **ENVIRONMENT.get(plan.way, {})}
    command = [sys.executable, "-m", "benchmarks.engines.ways", plan.way, plan.case, *plan.steps]
    command += ["--scratch", str(plan.scratch), "--variants", json.dumps(plan.variants)]
    command += ["--timed"] if plan.is_timed else []
    done = subprocess.run(command, env=environment, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"{WAYS[plan.way]} failed on {', '.join(plan.steps)} of {plan.case}; see above")
