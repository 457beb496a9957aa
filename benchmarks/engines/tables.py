"""The report of the comparison as text and as a figure."""

from collections.abc import Mapping
from typing import Any

from benchmarks.engines import bars
from benchmarks.engines.drawing import accuracy_words, figure
from benchmarks.engines.outcome import TASKS
from benchmarks.engines.ways import WAYS

COLUMNS = (
    "s",
    "first in a process, s",
    "ratio to (1)",
    "accuracy",
    "against (1)",
    "GFLOP/s",
    "share of peak",
    "floor: operations, s",
    "bytes, s",
    "peak MB",
    "samples",
)
RATIOS = {
    "engine": "The engine's ratio is (1) to (3), OpenVINO in PyTorch's place and all else the same",
    "product": "The product's is (1) to (4), with what firstread leaves out and INT8 where it is packed",
}

Report = Mapping[str, Any]


def print_report(report: Report) -> None:
    """Print a Markdown table a task, the ratios and the bars."""
    print(f"\n{heading(report)}\n")
    for task in TASKS:
        print(f"| {task} | {' | '.join(COLUMNS)} |")
        print("|---" * (len(COLUMNS) + 1) + "|")
        for number, way in enumerate(WAYS, start=1):
            print("|", " | ".join(_cells(task, number, way, report["tasks"][task][way])), "|")
        print(f"\nAccuracy on {report['accuracy_on'][task]}.")
        print(f"(2) ran {report['tasks'][task]['optimised']['notes']['variant']}.\n")
    for name, told in RATIOS.items():
        values = ", ".join(f"{task} {ratio:.1f}x" for task, ratio in report["ratios"][name].items())
        print(f"{told}: {values}.")
    print()
    for verdict in report["bars"]:
        print(bars.Verdict(**verdict))


def _cells(task: str, number: int, way: str, row: Mapping[str, Any]) -> list[str]:
    return [
        f"({number}) {WAYS[way]}, {row['precision']}",
        f"{row['seconds']:.2f}",
        f"{row['first_seconds']:.2f}",
        f"{row['ratio']:.1f}",
        accuracy_words(task, row),
        _against_first(task, row),
        f"{row['gflop_per_second']:.0f}",
        f"{row['share_of_peak']:.0%}",
        f"{row['floor_seconds']:.2f}",
        f"{row['bytes_seconds']:.2f}",
        str(row["peak_mb"]),
        f"{row['samples']:.4g}",
    ]


def _against_first(task: str, row: Mapping[str, Any]) -> str:
    if task == "lungs":
        return f"Dice {row['dice_against_first']:.4f}"
    if task == "detection":
        again = row["candidates_of_first_found_again"]
        told = "none near the lungs" if again is None else f"{again:.0%} of its candidates"
        return f"{told}; {row['false']} false, {row['likely_false']} of them likely"
    return f"probability moved by {row['probability_moved_mean']:.4f}"


def heading(report: Report) -> str:
    """Return study, repeats and host."""
    host = report["machine"]
    return (
        f"{report['study']}, median of {report['repeats']}; {host['processor']}, {host['granted']} threads; "
        f"PyTorch {host['torch']}, MONAI {host['monai']}, OpenVINO {host['openvino'].partition('-')[0]}"
    )


def drawn(report: Report) -> str:
    """Return the figure, as SVG."""
    engine, product = (report["ratios"][name]["geometric mean"] for name in ("engine", "product"))
    footers = [
        f"Geometric mean over the tasks: engine (OpenVINO, same windows) {engine:.1f}×, product {product:.1f}×.",
        "From the decoded volume to the task's result. Each task has a scale of its own. Research use.",
    ]
    return figure(report["tasks"], subtitle=heading(report), footers=footers)
