"""Three tasks on one study, each run four ways: how much faster firstread is than PyTorch, why, and at what accuracy.

The tasks are lung segmentation, nodule detection and false-positive removal, on the shared lidc-0002 (a phantom where
it is absent), with the weights of the shipped packages. The ways:

1. PyTorch, default: eager FP32, PyTorch's own number of threads, MONAI's sliding windows over the whole volume (the
   network's patch, overlap 0.25, one window at a time), candidates one after the other.
2. PyTorch, optimised: the same windows; inference mode, an instance pinned to each core, and the fastest on this host
   of: as defined, batch norm folded, channels last, torch.compile.
3. OpenVINO, same windows: only the network of (1) is exchanged; FP32.
4. firstread, as shipped: its own code: where the lungs are, a halo in place of overlap, INT8 where it is packed and
   faster on this host.

1 to 3 is the engine's ratio, 1 to 4 the product's. Timed is a task from the decoded volume to labels on its grid,
candidates in mm, or a score for each candidate: resampling, network, putting together. Not timed: reading and decoding,
loading and compiling networks, the first run of a task in its process (its time is told beside), and, of a task, the
tasks before it: (4) is given the lungs for detection, and every way its own candidates for removal. Each time is of a
process of its own, whose peak memory (the decoded volume and the libraries included) is told with it; the ways take
turns.

Operations are those of convolutions and matrix products, counted from the graphs; the host's peak is measured in the
same run, through OpenVINO. What accuracy is measured on is printed with it.
"""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # neither benchmarks/ nor training/ is installed

from benchmarks.engines import bars, cases, judging  # noqa: E402
from benchmarks.engines.outcome import PACKAGES, TASKS  # noqa: E402
from benchmarks.engines.peak import SECONDS, measured_peak  # noqa: E402
from benchmarks.engines.running import run_for_accuracy, run_timed  # noqa: E402
from benchmarks.engines.tables import drawn, print_report  # noqa: E402
from benchmarks.engines.ways import WAYS  # noqa: E402
from benchmarks.one_read import host, shared_study  # noqa: E402
from firstread.engine import cpu, find_package  # noqa: E402
from firstread.evaluation.annotations import ANNOTATIONS_JSON  # noqa: E402

ALL_STEPS = ("lungs", "detection", "removal", "removal:shipped")


def main() -> None:
    """Run the comparison, print it as tables, and keep it as JSON and SVG."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="firstread-figure3-") as name:
        report = compared(options, Path(name))
    print_report(report)
    for path, text in (
        (options.json, json.dumps(report, indent=1) + "\n"),
        (options.figure, drawn(report)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line; a quick run does not overwrite the results of a real one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--study", type=Path, help="folder of DICOM; default: the shared lidc-0002, else a phantom"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of every task, every way (default: 3)")
    parser.add_argument(
        "--accuracy",
        choices=("study", "all"),
        default="all",
        help="on the study alone, or also, once, on a phantom and on the annotated scans beside the study (default)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tiny phantom, once, in one process: tries the script"
    )
    parser.add_argument("--json", type=Path, help="file to write")
    parser.add_argument("--figure", type=Path, help="SVG to write")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    if options.study is not None and not options.study.exists():
        parser.error(f"{options.study} does not exist")
    kept = ROOT / "out" / "figure3-quick" if options.quick else ROOT / "benchmarks" / "results" / "figure3"
    options.json = options.json or kept.with_suffix(".json")
    pictures = kept.parent if options.quick else ROOT / "docs" / "images"
    options.figure = options.figure or pictures / f"{kept.name}.svg"
    return options


def compared(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Run everything and return the report."""
    study, others = prepared(options, scratch)
    peak = measured_peak(
        threads=cpu.granted().threads, seconds=0.05 if options.quick else SECONDS, quick=options.quick
    )
    say(
        f"peak: {peak.f32 / 1e9:.0f} GFLOP/s in FP32, {peak.int8 / 1e9:.0f} GOP/s in INT8, {peak.bytes / 1e9:.0f} GB/s"
    )
    repeats = 1 if options.quick else options.repeats
    records = run_timed(study, scratch, repeats=repeats, quick=options.quick, say=say)
    variants = {task: records["optimised"][task][0]["notes"]["variant"] for task in TASKS}
    for case in (study, *others):
        steps = ("removal:shipped",) if case == study else ALL_STEPS
        run_for_accuracy(case, scratch, steps=steps, variants=variants, quick=options.quick, say=say)

    tasks = {task: judging.speeds(records, task, peak) for task in TASKS}
    threshold = find_package(PACKAGES["removal"]).operating_point("f32")["threshold"]
    every = (study, *others)
    measured = {
        "lungs": judging.dices(scratch, every),
        "detection": judging.sensitivities(scratch, every, threshold),
        "removal": judging.aucs(scratch, every),
    }
    for task, (figures, _) in measured.items():
        for way in WAYS:
            tasks[task][way] |= figures[way]
    product, engine = (judging.ratios(tasks, way) for way in ("shipped", "openvino"))
    return {
        "study": study,
        "measured": datetime.now(UTC).date().isoformat(),
        "quick": options.quick,
        "machine": {**host(), "torch": version("torch"), "monai": version("monai")},
        "models": {name: find_package(name).digest for name in PACKAGES.values()},
        "repeats": repeats,
        "peak": {
            "f32_gflop_per_second": peak.f32 / 1e9,
            "int8_gop_per_second": peak.int8 / 1e9,
            "gb_per_second": peak.bytes / 1e9,
        },
        "tasks": tasks,
        "accuracy_on": {task: told for task, (_, told) in measured.items()},
        "ratios": {
            "engine": engine | {"geometric mean": bars.geometric_mean(list(engine.values()))},
            "product": product | {"geometric mean": bars.geometric_mean(list(product.values()))},
        },
        "bars": [vars(verdict) for verdict in verdicts(tasks, measured, product, engine)],
    }


def prepared(options: argparse.Namespace, scratch: Path) -> tuple[str, tuple[str, ...]]:
    """Decode the study and the chests for accuracy into the scratch folder; return their names."""
    if options.quick:
        study, others = cases.tiny_case(), []
    else:
        folder = options.study or shared_study()
        study = cases.case_of_folder(folder) if folder.exists() else cases.case_of_phantom(seed=0)
        others = []
        if options.accuracy == "all":
            others.append(cases.case_of_phantom(seed=1, nodules=cases.NODULES))
            beside = sorted(path.parent for path in folder.parent.glob(f"*/{ANNOTATIONS_JSON}"))
            others += [cases.case_of_folder(path) for path in beside if path.resolve() != folder.resolve()]
    for case in (study, *others):
        cases.save_case(case, scratch)
        say(f"{case.name}: {case.volume.hu.shape} voxels, {len(case.nodules)} nodules")
    return study.name, tuple(case.name for case in others)


def verdicts(tasks, measured, product, engine) -> list[bars.Verdict]:
    """Judge every bar."""

    def lost(task: str, key: str, measure: str) -> bars.Verdict:
        first, shipped = (tasks[task][way][key] for way in ("pytorch", "shipped"))
        return bars.lost(measure, first, shipped, measured[task][1])

    found = tasks["detection"]["shipped"]
    return [
        *bars.speed(product, engine),
        lost("lungs", "dice", "Dice"),
        lost("detection", "sensitivity", "sensitivity"),
        lost("removal", "auc", "AUC"),
        bars.peak_share(found["floor_seconds"], found["network_seconds"]),
    ]


def say(line: str) -> None:
    """Tell progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
