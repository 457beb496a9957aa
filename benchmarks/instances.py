"""Compare one instance of the engine over all granted cores with several pinned ones, each on cores of its own.

Every instance is a process of its own, confined to its placement. All compile the network and run one tile first;
then they start together, and the time until the last one has finished counts. All kinds run the same number of tiles.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks.one_read import RESULTS, host, write_report  # noqa: E402
from firstread.engine import Engine, Placement, confine, plan_here  # noqa: E402
from firstread.errors import UsageError  # noqa: E402

DETECTOR = "lung_nodule_detector"


def main() -> None:
    """Run the comparison, print it as a table, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=2, help="pinned instances to compare with one")
    parser.add_argument(
        "--tiles", type=int, default=64, help="tiles of each run, of all its instances together"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each kind, alternating (default: 3)")
    parser.add_argument("--package", default=DETECTOR, help=f"model package to run (default: {DETECTOR})")
    parser.add_argument("--precision", choices=("auto", "f32", "int8"), default="auto")
    parser.add_argument("--json", type=Path, default=RESULTS / "instances.json", help="file to write")
    parser.add_argument("--run", help=argparse.SUPPRESS)  # the placement of a child, as JSON
    options = parser.parse_args()
    if options.run:
        run_instance(placement_of(json.loads(options.run)), options)
        return

    if options.instances < 2 or options.tiles % options.instances:
        parser.error("--instances must be 2 or more, and --tiles a multiple: all kinds run the same number")
    try:
        plans = {count: plan_here(instances=count) for count in (1, options.instances)}
    except UsageError as error:
        sys.exit(str(error))
    runs: dict[int, list[dict]] = {count: [] for count in plans}
    for repeat in range(options.repeats):
        for count, placements in plans.items():
            runs[count].append(run_together(placements, options))
            told = runs[count][-1]["tiles_per_s"]
            print(f"{count} × {repeat + 1}/{options.repeats}: {told:.3g} tiles/s", file=sys.stderr)

    median = {count: statistics.median(run["tiles_per_s"] for run in of) for count, of in runs.items()}
    report = {
        "package": options.package,
        "precision": options.precision,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": host(),
        "tiles": options.tiles,
        "repeats": options.repeats,
        "placements": {count: [asdict(one) for one in placements] for count, placements in plans.items()},
        "median_tiles_per_s": median,
        "ratio": round(median[options.instances] / median[1], 3),
        "runs": runs,
    }
    write_report(report, options.json)
    print_table(report)


def run_together(placements: tuple[Placement, ...], options: argparse.Namespace) -> dict:
    """Start an instance a placement, let them run at once, and return their throughput together."""
    tiles = options.tiles // len(placements)
    children = []
    for placement in placements:
        command = [sys.executable, __file__, "--run", json.dumps(asdict(placement)), f"--tiles={tiles}"]
        command += [f"--package={options.package}", f"--precision={options.precision}"]
        pipe = subprocess.PIPE
        children.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
    ready = [read_line(child) for child in children]
    start = perf_counter()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    done = [read_line(child) for child in children]
    wall = perf_counter() - start
    for child in children:
        child.communicate()
    return {
        "wall_s": round(wall, 3),
        "tiles_per_s": round(options.tiles / wall, 4),
        "instances": [{**before, **after} for before, after in zip(ready, done, strict=True)],
    }


def placement_of(fields: dict) -> Placement:
    """Return the placement that was written as JSON."""
    return Placement(**{**fields, "processors": tuple(fields["processors"])})


def read_line(child: "subprocess.Popen[str]") -> dict:
    """Return what an instance tells next."""
    line = child.stdout.readline()
    if not line:
        sys.exit(f"An instance ended with exit code {child.wait()}.")
    return json.loads(line)


def run_instance(placement: Placement, options: argparse.Namespace) -> None:
    """Be an instance: get ready, wait for the word, run the tiles; tell of each on stdout."""
    confined = confine(placement)
    with Engine(placement=placement, precision=options.precision) as engine:
        network = engine.network(options.package)
        spec = network.package.manifest.input
        tile = np.random.default_rng(0).uniform(-1000, 400, (1, 1, *spec.patch)).astype(np.float32)
        network.infer(tile)
        told = {
            "precision": network.precision,
            "threads": engine.threads,
            "memory_node": confined.memory_node,
        }
        print(json.dumps(told), flush=True)
        sys.stdin.readline()
        start, before = perf_counter(), os.times()
        for _ in network.infer_many(tile for _ in range(options.tiles)):
            pass
        after = os.times()
        seconds = {
            "wall_s": round(perf_counter() - start, 3),
            # Tells a busy machine from a slow program.
            "cpu_s": round(after.user + after.system - before.user - before.system, 2),
        }
        print(json.dumps(seconds), flush=True)


def print_table(report: dict) -> None:
    """Print the medians as a Markdown table."""
    here = report["machine"]
    print(
        f"\n{report['package']} ({report['precision']}), {report['tiles']} tiles, median of {report['repeats']}; "
        f"{here['processor']}, {here['granted']} threads, OpenVINO {here['openvino']}\n"
    )
    print("| instances | placements | tiles/s |\n|---|---|---|")
    for count, placements in report["placements"].items():
        where = "; ".join(str(placement_of(fields)) for fields in placements)
        print(f"| {count} | {where} | {report['median_tiles_per_s'][count]:.3g} |")
    print(f"\n{list(report['placements'])[-1]} instances do {report['ratio']} times the work of one.")


if __name__ == "__main__":
    main()
