"""Peak memory and time of `firstread read` by the length of the series: phantoms of one chest in 100 to 1,000 slices.

The patient stays, slices get thinner: what grows is what is kept a slice. Growth is given from each length to the next,
in MB a slice, beside the decoded slice itself (512 × 512 × 2 bytes); "no worse than linear" means that no step grows
by notably more a slice than the first one did.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks.one_read import (  # noqa: E402
    RESULTS,
    host,
    list_files_once,
    make_phantom,
    median,
    read_once,
    write_report,
)

LENGTHS = (100, 300, 600, 1000)
COVERED_MM = 300.0
MATRIX = 512
ALLOWANCE = 0.25
"""A step's growth a slice may exceed the first's by this share: the shortest series peak in what every length needs, a
network's work space, so that the first step looks flatter. Growth with the square would be four times the first's."""


def main() -> None:
    """Read the phantoms, print a table, keep it as JSON; --strict: exit code 1 where growth is worse than linear."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="firstread-bench-") as scratch:
        report = measured(options, Path(scratch))
    write_report(report, options.json)
    print_table(report)
    if options.strict and not report["linear"]:
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--slices", type=int, nargs="+", default=LENGTHS, help="lengths (default: %(default)s)"
    )
    parser.add_argument("--matrix", type=int, default=MATRIX, help="rows and columns (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=1, help="reads of each length (default: 1)")
    parser.add_argument("--phantoms", type=Path, help="folder to keep the phantoms in, or to find them")
    parser.add_argument("--reader", help="passed on to firstread read")
    parser.add_argument("--json", type=Path, default=RESULTS / "memory.local.json", help="file to write")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when growth is worse than linear")
    options = parser.parse_args()
    options.slices = sorted(set(options.slices))
    if options.repeats < 1 or len(options.slices) < 2:
        parser.error("--repeats must be at least 1, and --slices name two lengths or more")
    return options


def measured(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Make and read a phantom of each length; networks are compiled before, by a read that does not count."""
    extra = [f"--reader={options.reader}"] if options.reader else []
    rows: dict[int, dict[str, float]] = {}
    for slices in options.slices:
        study = phantom(slices, options.phantoms or scratch, options.matrix)
        list_files_once(study)
        if not rows:
            read_once(study, scratch / "result", scratch / "cache", extra)
        runs = [
            read_once(study, scratch / "result", scratch / "cache", extra) for _ in range(options.repeats)
        ]
        rows[slices] = median(runs)
        print(f"{slices} slices: {rows[slices]['peak_mb']:.0f} MB", file=sys.stderr)
    steps = growth({slices: row["peak_mb"] for slices, row in rows.items()})
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": host(),
        "matrix": options.matrix,
        "repeats": options.repeats,
        "options": extra,
        "by_slices": {str(slices): row for slices, row in rows.items()},
        "mb_a_slice": steps,
        "decoded_mb_a_slice": round(options.matrix**2 * 2 / 1e6, 3),
        "linear": linear(steps),
    }


def phantom(slices: int, folder: Path, matrix: int) -> Path:
    """Return a phantom of so many slices over the same chest, made where it is not there yet."""
    study = folder / f"{slices}x{matrix}"
    if not study.exists():
        pixel_mm = 0.7 * MATRIX / matrix
        distance_mm = COVERED_MM / slices
        make_phantom(
            study,
            *(f"--slices={slices}", f"--slice-mm={distance_mm:g}"),
            *(f"--matrix={matrix}", f"--pixel-mm={pixel_mm:g}"),
        )
    return study


def growth(peaks_mb: dict[int, float]) -> list[float]:
    """Return MB a slice from each length to the next."""
    return [
        round((high - low) / (more - fewer), 3) for (fewer, low), (more, high) in pairwise(peaks_mb.items())
    ]


def linear(steps: list[float]) -> bool:
    """Tell whether no step grows by more a slice than the first."""
    return all(step <= steps[0] * (1 + ALLOWANCE) for step in steps[1:])


def print_table(report: dict[str, Any]) -> None:
    """Print a line a length as a Markdown table."""
    here = report["machine"]
    print(
        f"\nPhantoms, {report['matrix']} × {report['matrix']}; {here['processor']}, {here['granted']} threads\n"
    )
    print("| slices | peak (MB) | MB a further slice | wall (s) | processor (s) |\n|---|---|---|---|---|")
    steps = ["", *(f"{step:.2f}" for step in report["mb_a_slice"])]
    for (slices, row), step in zip(report["by_slices"].items(), steps, strict=True):
        print(f"| {slices} | {row['peak_mb']:.0f} | {step} | {row['wall']:.1f} | {row['cpu']:.1f} |")
    verdict = "no worse than linear" if report["linear"] else "WORSE THAN LINEAR"
    print(f"\nGrowth is {verdict}; a decoded slice alone takes {report['decoded_mb_a_slice']:.2f} MB.")


if __name__ == "__main__":
    main()
