"""Draw a training log's losses as SVG.

python -m training.lung_nodule.curves log.jsonl --out log.svg
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 640, 320, 44
_COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce")
_NO_LOSS = ("step", "seconds", "rate", "places")


def curves(rows: Sequence[Mapping[str, float]], title: str) -> str:
    """Return the losses over the steps as SVG, on a logarithmic scale; each line is named at its end."""
    names = [name for name in rows[0] if name not in _NO_LOSS]
    values = [row[name] for row in rows for name in names if row[name] > 0]
    low, high = math.log10(min(values)) - 0.05, math.log10(max(values)) + 0.05
    last = max(row["step"] for row in rows)

    def place(step: float, value: float) -> str:
        x = MARGIN + (WIDTH - 3 * MARGIN) * step / last
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (math.log10(max(value, 1e-9)) - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><text x="{MARGIN}" y="22">{title}</text>',
    ]
    for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5):
        if low <= math.log10(tick) <= high:
            left, right = place(0, tick), place(last, tick)
            parts.append(f'<polyline points="{left} {right}" stroke="#ddd"/>')
            y = left.split(",")[1]
            parts.append(f'<text x="{MARGIN - 6}" y="{y}" text-anchor="end" dy="4">{tick:g}</text>')
    for name, colour in zip(names, _COLOURS, strict=False):
        points = [place(row["step"], row[name]) for row in rows]
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        x, y = points[-1].split(",")
        parts.append(f'<text x="{float(x) + 5}" y="{y}" fill="{colour}" dy="4">{name}</text>')
    end = place(last, 10**low).split(",")
    parts.append(f'<text x="{end[0]}" y="{HEIGHT - 14}" text-anchor="end">{last:g} steps</text></svg>')
    return "\n".join(parts) + "\n"


def main() -> None:
    """Draw one log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.log.read_text().splitlines()]
    if rows:
        log = options.log
        options.out.write_text(curves(rows, log.parent.name if log.stem == "log" else log.stem))


if __name__ == "__main__":
    main()
