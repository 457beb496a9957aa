"""Time `firstread read` as a user meets it: a process of its own, from the command to the result folder.

Cold: nothing compiled yet (an empty cache folder), as on the first read after an installation or an update.
Warm: with what the first read left. The files of the study are in the page cache in both cases.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
STAGES = ("load", "segment", "detect", "classify", "measure", "report")


def main() -> None:
    """Run the comparison, print it as a table, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--study", type=Path, help="folder of DICOM; default: the shared lidc-0002, else a phantom"
    )
    parser.add_argument("--repeats", type=int, default=3, help="reads of each kind (default: 3)")
    parser.add_argument("--reader", help="passed on to firstread read")
    parser.add_argument("--threads", type=int, help="passed on to firstread read")
    parser.add_argument("--precision", choices=("auto", "f32", "int8"), help="passed on to firstread read")
    parser.add_argument("--json", type=Path, default=RESULTS / "read_study.json", help="file to write")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="firstread-bench-") as scratch:
        study, name = choose_study(options.study, Path(scratch))
        extra = [f"--threads={options.threads}"] if options.threads else []
        extra += [f"--reader={options.reader}"] if options.reader else []
        extra += [f"--precision={options.precision}"] if options.precision else []
        list_files_once(study)
        runs: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
        for repeat in range(options.repeats):
            cache = Path(scratch) / f"cache-{repeat}"
            for kind in ("cold", "warm"):
                runs[kind].append(read_once(study, Path(scratch) / "result", cache, extra))
                print(
                    f"{kind} {repeat + 1}/{options.repeats}: {runs[kind][-1]['wall']:.1f} s", file=sys.stderr
                )

    report = {
        "study": name,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "options": extra,
        "repeats": options.repeats,
        "median": {kind: median(of_kind) for kind, of_kind in runs.items()},
        "runs": runs,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print_table(report)


def choose_study(wanted: Path | None, scratch: Path) -> tuple[Path, str]:
    """Return the study to read, and its name for the table."""
    study = wanted or shared_study()
    if study.exists():
        return study, study.resolve().name
    if wanted is not None:
        sys.exit(f"{wanted} does not exist.")
    subprocess.run([sys.executable, "-m", "firstread.cli", "phantom", str(scratch / "phantom")], check=True)
    return scratch / "phantom", "phantom"


def shared_study() -> Path:
    """Return where the shared study lies, if it is there."""
    shared = os.environ.get("FIRSTREAD_TEST_DATA") or ROOT.parent / "shared" / "data"
    return Path(shared) / "ct" / "lidc-0002"


def list_files_once(study: Path) -> None:
    """Bring the study into the page cache, so that the first read is not charged with the disk."""
    for path in [study] if study.is_file() else study.rglob("*"):
        if path.is_file():
            path.read_bytes()


def read_once(study: Path, out: Path, cache: Path, extra: list[str]) -> dict[str, float]:
    """Return wall and processor seconds, peak MB and seconds by stage of one read in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "firstread.cli",
        "read",
        str(study),
        "--out",
        str(out),
        "--force",
        "--quiet",
        *extra,
    ]
    start = perf_counter()
    child = subprocess.Popen(command, env={**os.environ, "FIRSTREAD_CACHE_DIR": str(cache)})
    _, status, usage = os.wait4(child.pid, 0)
    wall = perf_counter() - start
    if status:
        sys.exit(f"firstread read ended with exit code {os.waitstatus_to_exitcode(status)}.")
    timings = json.loads((out / "result.json").read_text(encoding="utf-8"))["timings_s"]
    return {
        "wall": round(wall, 2),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),  # tells a busy machine from a slow program
        "peak_mb": round(usage.ru_maxrss * 1024 / 1e6),  # Linux counts ru_maxrss in KiB
        **timings,
    }


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of every number."""
    return {key: round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}


def machine() -> dict[str, str | int]:
    """Return what the numbers depend on."""
    import openvino

    from firstread import __version__
    from firstread.engine import cpu

    return {
        "processor": cpu.processor().model,
        "threads_granted": cpu.granted().threads,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "openvino": openvino.__version__,
        "firstread": __version__,
    }


def print_table(report: dict) -> None:
    """Print the medians as a Markdown table."""
    host = report["machine"]
    print(
        f"\n{report['study']}, median of {report['repeats']}; {host['processor']}, "
        f"{host['threads_granted']} threads, OpenVINO {host['openvino']}\n"
    )
    print(f"| | wall (s) | {' | '.join(STAGES)} | processor (s) | peak (MB) |")
    print("|---" * (len(STAGES) + 4) + "|")
    for kind, row in report["median"].items():
        cells = [kind, row["wall"], *(row[stage] for stage in STAGES), row["cpu"], round(row["peak_mb"])]
        print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
