"""A small plot as SVG: axes, lines, a band, dots."""

import math
from collections.abc import Callable, Sequence

from firstread.evaluation import svg
from firstread.evaluation.svg import FAINT, GRID, INK

WIDTH, HEIGHT = 720, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 56, 84

Point = tuple[float, float]
Tick = tuple[float, str]


class Plot:
    """A plot of one pair of axes; draw in order, what comes later lies on top.

    Args:
        title: Above the plot.
        subtitle: Below the title, smaller.
        x_label: Below the axis.
        y_label: Beside the axis, turned.
        x: First and last value of the axis.
        y: First and last value of the axis.
        footer: At the bottom: what the figure is not.
        scale_x: What is done to x before it is placed, e.g. math.log2.
    """

    def __init__(
        self,
        *,
        title: str,
        subtitle: str,
        x_label: str,
        y_label: str,
        x: Point,
        y: Point,
        footer: str,
        scale_x: Callable[[float], float] = float,
    ) -> None:
        self._scale_x = scale_x
        self._x = (scale_x(x[0]), scale_x(x[1]))
        self._y = y
        self._parts: list[str] = []
        self._texts = (title, subtitle, x_label, y_label, footer)

    def _place(self, point: Point) -> tuple[float, float]:
        across = (self._scale_x(point[0]) - self._x[0]) / (self._x[1] - self._x[0])
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), self._height(point[1])

    def _height(self, value: float) -> float:
        up = (value - self._y[0]) / (self._y[1] - self._y[0])
        return HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)

    def _path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._place, points))

    def ticks(self, *, x: Sequence[Tick], y: Sequence[Tick]) -> None:
        """Draw a grid line and a label at each tick."""
        for value, label in x:
            left, low = self._place((value, self._y[0]))
            top = self._place((value, self._y[1]))[1]
            self._parts.append(svg.line(left, low, left, top, GRID))
            self._parts.append(svg.text(left, low + 18, label, anchor="middle", colour=FAINT))
        for value, label in y:
            height = self._height(value)
            self._parts.append(svg.line(_LEFT, height, WIDTH - _RIGHT, height, GRID))
            self._parts.append(svg.text(_LEFT - 8, height + 4, label, anchor="end", colour=FAINT))

    def band(self, low: Sequence[Point], high: Sequence[Point], *, colour: str) -> None:
        """Fill between two lines."""
        self._parts.append(
            f'<polygon points="{self._path([*low, *reversed(high)])}" fill="{colour}" fill-opacity="0.16"/>'
        )

    def line(self, points: Sequence[Point], *, colour: str, dashed: bool = False) -> None:
        """Draw a line through points."""
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        self._parts.append(
            f'<polyline points="{self._path(points)}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )

    def dots(self, points: Sequence[Point], *, colour: str, radius: float = 4.0) -> None:
        """Draw a dot at each point."""
        for x, y in map(self._place, points):
            self._parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}" fill-opacity="0.75"/>'
            )

    def note(self, point: Point, text: str, *, colour: str = INK, anchor: str = "start") -> None:
        """Write a short text at a point."""
        x, y = self._place(point)
        self._parts.append(svg.text(x, y, text, anchor=anchor, colour=colour))

    def svg(self) -> str:
        """Return the document."""
        title, subtitle, x_label, y_label, footer = self._texts
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        height = (_TOP + HEIGHT - _BOTTOM) / 2
        frame = [
            svg.line(_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM, INK),
            svg.line(_LEFT, _TOP, _LEFT, HEIGHT - _BOTTOM, INK),
            svg.text(_LEFT, 24, title, size=17, weight="bold"),
            svg.text(_LEFT, 43, subtitle, colour=FAINT),
            svg.text(middle, HEIGHT - _BOTTOM + 42, x_label, anchor="middle"),
            f'<g transform="rotate(-90 18 {height:g})">{svg.text(18, height, y_label, anchor="middle")}</g>',
            svg.text(_LEFT, HEIGHT - 14, footer, colour=FAINT, size=11),
        ]
        body = "\n".join([*self._parts, *frame])
        return svg.document(
            body, width=WIDTH, height=HEIGHT, title=title, description=f"{subtitle}. {footer}"
        )


def even_ticks(low: float, high: float, *, about: int = 6) -> list[Tick]:
    """Return round values from low to high, about so many."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    values = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(value, f"{value:g}".replace("-", "\N{MINUS SIGN}")) for value in values]
