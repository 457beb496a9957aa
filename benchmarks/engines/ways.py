"""The four ways of running the networks, and one process's share of the comparison: some tasks of one case, one way.

    python -m benchmarks.engines.ways shipped lidc-0002 lungs detection --scratch DIR

Each timed task runs in a process of its own, so that its memory is its own. Networks are loaded and compiled before the
clock starts. The first time that the task is carried out warms up, and its time stands beside the median of those that
follow.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.engines.cases import Case, load_case
from benchmarks.engines.outcome import PACKAGES, TASKS, Outcome, as_candidates
from firstread.dicom.geometry import Geometry
from firstread.engine import Engine, find_package
from firstread.engine.cpu import resident_peak
from firstread.readers.lung_nodule.lungs import Lungs
from firstread.readers.lung_nodule.propose import Networks

WAYS = {
    "pytorch": "PyTorch, default",
    "optimised": "PyTorch, optimised",
    "openvino": "OpenVINO, same windows",
    "shipped": "firstread, as shipped",
}
ENVIRONMENT = {"optimised": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}}
"""What a process of that way is started with: its instances have one thread each."""

_LONG_ENOUGH_S = 2.0
"""A short task is carried out so long, a long one once after it was warmed up."""
QUICK_CANDIDATES = 24
"""A quick run keeps no more."""


@dataclass(frozen=True)
class Plan:
    """What one process does.

    Attributes:
        way: Key of `WAYS`.
        case: Name of the case.
        steps: Tasks, in order; "removal:shipped" scores another way's candidates instead of its own.
        scratch: Folder of the cases; results go into `scratch/case/way`.
        variants: By task, what PyTorch, optimised, is to use; tasks without one try them all.
        quick: For tests: few candidates, and PyTorch, optimised, tries no variants.
        is_timed: Each step is carried out again and again: the first time warms up.
    """

    way: str
    case: str
    steps: Sequence[str]
    scratch: Path
    variants: Mapping[str, str] = field(default_factory=dict)
    quick: bool = False
    is_timed: bool = False

    @property
    def folder(self) -> Path:
        """Return where the results go."""
        return self.scratch / self.case / self.way


def carry_out(plan: Plan) -> None:
    """Run the steps and write, for each, its arrays as .npz and its times and memory (bytes) as .json."""
    case = load_case(plan.scratch / plan.case)
    plan.folder.mkdir(exist_ok=True)
    for step in plan.steps:
        task, _, other = step.partition(":")
        run, precision = _shipped(plan, task) if plan.way == "shipped" else _windowed(plan, task)
        first = outcome = run(case, other or plan.way)
        if plan.is_timed:
            outcome = _again(run, case, other or plan.way)
        if plan.quick and task == "detection":
            outcome.values["candidates"] = outcome.values["candidates"][:QUICK_CANDIDATES]
        stem = step.replace(":", "-")
        np.savez(plan.folder / f"{stem}.npz", **outcome.values)
        told = {
            "first_s": first.timed.total_s,
            "precision": precision,
            "peak_bytes": resident_peak(),
            "notes": outcome.notes,
        }
        text = json.dumps({**asdict(outcome.timed), **told})
        (plan.folder / f"{stem}.json").write_text(text, encoding="utf-8")


Run = Callable[[Case, str], Outcome]


def _again(run: Run, case: Case, candidates_of: str) -> Outcome:
    """Carry a task out until `_LONG_ENOUGH_S` have passed, and return the run of the median time."""
    outcomes: list[Outcome] = []
    while sum(one.timed.total_s for one in outcomes) < _LONG_ENOUGH_S:
        outcomes.append(run(case, candidates_of))
    return sorted(outcomes, key=lambda one: one.timed.total_s)[len(outcomes) // 2]


def _shipped(plan: Plan, task: str) -> tuple[Run, str]:
    from benchmarks.engines import shipped

    # All three, as a read has them: their precisions are chosen together.
    networks = Networks.of(Engine(cache_dir=plan.scratch / "cache"))
    network = {"lungs": networks.lungs, "detection": networks.detector, "removal": networks.candidate}[task]

    def run(case: Case, candidates_of: str) -> Outcome:
        if task == "lungs":
            return shipped.lungs(case.volume, network)
        if task == "detection":
            with np.load(plan.folder / "lungs.npz") as kept:
                coarse = kept["coarse"]
                given = Lungs(kept["labels"], coarse, Geometry(coarse.shape, kept["affine"]))
            return shipped.detection(case.volume, given, network)
        candidates = as_candidates(candidates_found(plan.scratch, case.name, candidates_of))
        return shipped.removal(case.volume, candidates, network)

    return run, network.precision


def _windowed(plan: Plan, task: str) -> tuple[Run, str]:
    import torch

    from benchmarks.engines import windows

    package = find_package(PACKAGES[task])
    notes: dict[str, str] = {}
    predictor: windows.Predictor
    if plan.way == "openvino":
        from benchmarks.engines.same_windows import SameWindows

        predictor = SameWindows(Engine(precision="f32", cache_dir=plan.scratch / "cache").network(package))
    elif plan.way == "pytorch":
        from benchmarks.engines.pytorch import Eager

        predictor = Eager(package)
        notes["threads"] = str(torch.get_num_threads())
    else:
        from benchmarks.engines.pytorch import Pinned

        predictor = pinned = Pinned(package, variant=plan.variants.get(task), quick=plan.quick)
        notes["variant"] = pinned.variant
        notes["tried"] = json.dumps(pinned.tried)

    def run(case: Case, candidates_of: str) -> Outcome:
        if task == "lungs":
            outcome = windows.lungs(case.volume, predictor)
        elif task == "detection":
            least_logit = package.operating_point("f32")["least_logit"]
            outcome = windows.detection(case.volume, predictor, least_logit=least_logit)
        else:
            candidates = as_candidates(candidates_found(plan.scratch, case.name, candidates_of))
            outcome = windows.removal(case.volume, candidates, predictor)
        outcome.notes.update(notes)
        return outcome

    return run, "f32"


def candidates_found(scratch: Path, case: str, way: str) -> np.ndarray:
    """Return the candidates [n, 5] that a way found in a case."""
    with np.load(scratch / case / way / "detection.npz") as kept:
        return kept["candidates"]


def main() -> None:
    """Carry out the plan of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way", choices=tuple(WAYS))
    parser.add_argument("case")
    parser.add_argument("steps", nargs="+", help=f"{', '.join(TASKS)}, or removal:WAY")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--variants", type=json.loads, default={})
    parser.add_argument(
        "--timed", action="store_true", help="each step again and again, the first time to warm up"
    )
    options = parser.parse_args()
    told = (options.way, options.case, options.steps, options.scratch, options.variants)
    carry_out(Plan(*told, is_timed=options.timed))


if __name__ == "__main__":
    main()
