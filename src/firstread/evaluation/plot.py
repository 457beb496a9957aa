"""A small plot as SVG: axes, lines, a band, dots. Text stays text, so that it can be read out and searched."""

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 720, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 56, 84
_INK, _FAINT, _GRID = "#1f2933", "#66727f", "#dde2e7"

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
            self._parts.append(_line(left, low, left, top, _GRID))
            self._parts.append(_text(left, low + 18, label, anchor="middle", colour=_FAINT))
        for value, label in y:
            height = self._height(value)
            self._parts.append(_line(_LEFT, height, WIDTH - _RIGHT, height, _GRID))
            self._parts.append(_text(_LEFT - 8, height + 4, label, anchor="end", colour=_FAINT))

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

    def note(self, point: Point, text: str, *, colour: str = _INK, anchor: str = "start") -> None:
        """Write a short text at a point."""
        x, y = self._place(point)
        self._parts.append(_text(x, y, text, anchor=anchor, colour=colour))

    def svg(self) -> str:
        """Return the document."""
        title, subtitle, x_label, y_label, footer = self._texts
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        height = (_TOP + HEIGHT - _BOTTOM) / 2
        frame = [
            _line(_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM, _INK),
            _line(_LEFT, _TOP, _LEFT, HEIGHT - _BOTTOM, _INK),
            _text(_LEFT, 24, title, size=17, weight="bold"),
            _text(_LEFT, 43, subtitle, colour=_FAINT),
            _text(middle, HEIGHT - _BOTTOM + 42, x_label, anchor="middle"),
            f'<g transform="rotate(-90 18 {height:g})">{_text(18, height, y_label, anchor="middle")}</g>',
            _text(_LEFT, HEIGHT - 14, footer, colour=_FAINT, size=11),
        ]
        body = "\n".join([*self._parts, *frame])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" font-family="Helvetica, Arial, sans-serif">\n'
            f"<title>{escape(title)}</title>\n<desc>{escape(f'{subtitle}. {footer}')}</desc>\n"
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


def even_ticks(low: float, high: float, *, about: int = 6) -> list[Tick]:
    """Return round values from low to high, about so many."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    values = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(value, f"{value:g}".replace("-", "\N{MINUS SIGN}")) for value in values]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = _INK,
    size: int = 13,
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
