"""Two `firstread read` at the same time against the same two one after the other: does a busy host lose by it?

Both reads take all threads that are granted, as two users' would. The kinds take turns, warm, and each round gives a
ratio of its own: studies a second at the same time over studies a second one after the other. 1 or more: nothing lost.
"""

import argparse
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks.one_read import (  # noqa: E402
    RESULTS,
    choose_study,
    end_read,
    host,
    list_files_once,
    read_once,
    start_read,
    write_report,
)

NOISE = 0.05
"""A ratio is told from 1 only beyond this."""


def main() -> None:
    """Run the comparison, print it as a table, keep it as JSON; exit code 1 with --strict where throughput is lost."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="firstread-bench-") as scratch:
        report = measured(options, Path(scratch))
    write_report(report, options.json)
    print_table(report)
    if options.strict and report["ratio"] < 1 - NOISE:
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--study", type=Path, help="folder of DICOM; default: the shared lidc-0002, else a phantom"
    )
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--reader", help="passed on to firstread read")
    parser.add_argument("--threads", type=int, help="passed on to firstread read, of each")
    parser.add_argument("--json", type=Path, default=RESULTS / "two_reads.local.json", help="file to write")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when throughput is lost")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    return options


def measured(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Read twice in turn and twice at once, round after round."""
    study, name = choose_study(options.study, scratch)
    extra = [f"--{key}={value}" for key in ("reader", "threads") if (value := getattr(options, key))]
    list_files_once(study)
    cache = scratch / "cache"
    read_once(study, scratch / "first", cache, extra)
    rounds = []
    for number in range(options.repeats):
        outs = scratch / "a", scratch / "b"
        start = perf_counter()
        alone = [read_once(study, out, cache, extra) for out in outs]
        in_turn = perf_counter() - start
        start = perf_counter()
        children = [start_read(study, out, cache, extra) for out in outs]
        together = [end_read(child) for child in children]
        at_once = perf_counter() - start
        rounds.append(
            {
                "in_turn_s": round(in_turn, 2),
                "at_once_s": round(at_once, 2),
                "ratio": round(in_turn / at_once, 3),
                "cpu_in_turn_s": round(sum(one["cpu"] for one in alone), 2),
                "cpu_at_once_s": round(sum(one["cpu"] for one in together), 2),
            }
        )
        print(f"{number + 1}/{options.repeats}: {rounds[-1]['ratio']:.2f}", file=sys.stderr)
    return {
        "study": name,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": host(),
        "options": extra,
        "repeats": options.repeats,
        "ratio": round(statistics.median(one["ratio"] for one in rounds), 3),
        "rounds": rounds,
    }


def print_table(report: dict[str, Any]) -> None:
    """Print a line a round as a Markdown table."""
    here = report["machine"]
    print(f"\n{report['study']}, two reads; {here['processor']}, {here['granted']} threads\n")
    print(
        "| one after the other (s) | at the same time (s) | throughput | processor (s) | processor, at once (s) |"
    )
    print("|---|---|---|---|---|")
    for one in report["rounds"]:
        print(
            f"| {one['in_turn_s']:.1f} | {one['at_once_s']:.1f} | {one['ratio']:.2f} | {one['cpu_in_turn_s']:.1f} "
            f"| {one['cpu_at_once_s']:.1f} |"
        )
    print(f"\nTwo at the same time do {report['ratio']:.2f} times the work of one after the other (median).")


if __name__ == "__main__":
    main()
