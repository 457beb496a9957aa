"""The figure: time of each task by each way, with the ratio and the accuracy beside the bar."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.engines.outcome import TASKS
from benchmarks.engines.ways import WAYS
from firstread.evaluation import svg

TITLES = {
    "lungs": "Lung segmentation",
    "detection": "Nodule detection",
    "removal": "False-positive removal",
}
_COLOURS = {"pytorch": "#9aa5b1", "optimised": "#6b7885", "openvino": "#5b8def", "shipped": "#1f4fb2"}
TITLE = "Three tasks on one CT, four ways"
_WIDTH, _TOP, _ROW, _GAP, _FOOT = 860, 84, 26, 48, 64
_LEFT, _BAR = 190, 400


def figure(tasks: Mapping[str, Mapping[str, Any]], *, subtitle: str, footers: Sequence[str]) -> str:
    """Return the figure as SVG; bars are drawn to each task's own scale.

    Args:
        tasks: By task and way, with `seconds`, `ratio` and what `accuracy_words` reads.
        subtitle: Study and host.
        footers: Lines at the bottom, e.g. which ratio is the engine's and which the product's.
    """
    height = _TOP + len(TASKS) * (len(WAYS) * _ROW + _GAP) + _FOOT
    parts = [
        svg.text(24, 32, TITLE, size=18, weight="bold"),
        svg.text(24, 54, subtitle, colour=svg.FAINT),
    ]
    y = float(_TOP)
    for task in TASKS:
        rows = tasks[task]
        longest = max(row["seconds"] for row in rows.values())
        parts.append(svg.text(24, y + 8, TITLES[task], weight="bold"))
        parts.append(svg.line(_LEFT, y + 16, _LEFT, y + 18 + len(WAYS) * _ROW, svg.GRID))
        for number, (way, name) in enumerate(WAYS.items()):
            row, middle = rows[way], y + 20 + number * _ROW
            length = max(_BAR * row["seconds"] / longest, 1.0)
            parts.append(svg.text(_LEFT - 10, middle + 13, name, anchor="end"))
            parts.append(svg.bar(_LEFT, middle, length, _ROW - 8, _COLOURS[way]))
            told = f"{row['seconds']:.2f} s, {row['ratio']:.1f}×, {accuracy_words(task, row)}"
            parts.append(svg.text(_LEFT + length + 8, middle + 13, told))
        y += len(WAYS) * _ROW + _GAP
    parts += [svg.text(24, y + 6 + 18 * n, line, colour=svg.FAINT, size=12) for n, line in enumerate(footers)]
    told = f"{subtitle}. {' '.join(footers)}"
    return svg.document("\n".join(parts), width=_WIDTH, height=height, title=TITLE, description=told)


def accuracy_words(task: str, row: Mapping[str, Any]) -> str:
    """Return a task's accuracy in a few words."""
    if task == "lungs":
        return f"Dice {row['dice']:.4f}"
    if task == "detection":
        return f"{row['found']} of {row['nodules']} found"
    return "AUC not measurable" if row["auc"] is None else f"AUC {row['auc']:.4f}"
