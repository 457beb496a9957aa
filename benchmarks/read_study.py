"""Time `firstread read` as a user meets it: a process of its own, from the command to the result folder.

Cold: nothing compiled yet (an empty cache folder), as on the first read after an installation or an update.
Warm: with what the first read left. The files of the study are in the page cache in both cases.

The run is kept beside the committed one (*.local.json, not in git) and compared with it, by ratios within each run:
seconds of another machine say nothing. --keep makes it the committed one.
"""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks.one_read import (  # noqa: E402
    RESULTS,
    STAGES,
    choose_study,
    host,
    list_files_once,
    median,
    read_once,
    shared_study,
    write_report,
)
from benchmarks.regression import TOLERANCE, NotComparable, changes, print_changes  # noqa: E402
from benchmarks.yardstick import yardsticks  # noqa: E402
from firstread.engine import cpu  # noqa: E402


def main() -> None:
    """Run the comparison, print it as a table, keep it as JSON, and tell what became worse."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="firstread-bench-") as scratch:
        report = measured(options, Path(scratch))
    kept = options.against or committed(report["study"])
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
    fresh = kept if options.keep else options.json or kept.with_suffix(".local.json")
    write_report(report, fresh)
    print_table(report)
    holds = judged(report, before, kept, tolerance=options.tolerance)
    if options.strict and not holds:
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--study", type=Path, help="folder of DICOM; default: the shared lidc-0002, else a phantom"
    )
    parser.add_argument("--repeats", type=int, default=3, help="reads of each kind (default: 3)")
    parser.add_argument("--reader", help="passed on to firstread read")
    parser.add_argument("--threads", type=int, help="passed on to firstread read")
    parser.add_argument("--precision", choices=("auto", "f32", "int8"), help="passed on to firstread read")
    parser.add_argument("--json", type=Path, help="file to write; default: the committed one's .local.json")
    parser.add_argument("--against", type=Path, help="run to compare with; default: the committed one")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"share a time may grow by (default: {TOLERANCE})"
    )
    parser.add_argument("--strict", action="store_true", help="exit code 1 when something became worse")
    parser.add_argument("--keep", action="store_true", help="replace the committed run by this one")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    return options


def committed(study: str) -> Path:
    """Return the file of the committed run of a study."""
    name = "read_study" if study == shared_study().name else f"read_study-{study}"
    return RESULTS / f"{name}.json"


def measured(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Read the study several times, cold and warm, a yardstick before each pair, and return the report."""
    study, name = choose_study(options.study, scratch)
    extra = [
        f"--{option}={value}"
        for option in ("threads", "reader", "precision")
        if (value := getattr(options, option))
    ]
    list_files_once(study)
    runs: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    sticks = []
    for repeat in range(options.repeats):
        sticks.append(yardsticks(threads=options.threads or cpu.granted().threads))
        for kind, of_kind in runs.items():
            of_kind.append(read_once(study, scratch / "result", scratch / f"cache-{repeat}", extra))
            print(f"{kind} {repeat + 1}/{options.repeats}: {of_kind[-1]['wall']:.1f} s", file=sys.stderr)
    return {
        "study": name,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": host(),
        "options": extra,
        "repeats": options.repeats,
        "yardsticks_s": median(sticks),
        "median": {kind: median(of_kind) for kind, of_kind in runs.items()},
        "runs": runs,
    }


def judged(
    report: dict[str, Any], before: dict[str, Any] | None, kept: Path, *, tolerance: float = TOLERANCE
) -> bool:
    """Print what changed since the committed run; tell whether it could be compared and nothing became worse."""
    if before is None:
        print(f"\nThere is no {kept} to compare with; --keep makes a run the committed one.")
        return False
    try:
        found = changes(before, report, tolerance=tolerance)
    except NotComparable as why:
        print(f"\nNot compared with {kept}: {why}.")
        return False
    print_changes(found)
    return not any(one.worse for one in found)


def print_table(report: dict[str, Any]) -> None:
    """Print the medians as a Markdown table."""
    here = report["machine"]
    most = here.get("instructions_up_to")
    print(
        f"\n{report['study']}, median of {report['repeats']}; {here['processor']}, "
        f"{f'instructions up to {most}, ' if most else ''}"
        f"{here['granted']} threads, OpenVINO {here['openvino']}\n"
    )
    print(f"| | wall (s) | {' | '.join(STAGES)} | processor (s) | peak (MB) |")
    print("|---" * (len(STAGES) + 4) + "|")
    for kind, row in report["median"].items():
        times = (f"{row[name]:.2f}" for name in ("wall", *STAGES, "cpu"))
        print("|", " | ".join((kind, *times, f"{row['peak_mb']:.0f}")), "|")


if __name__ == "__main__":
    main()
