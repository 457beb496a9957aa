"""The elements of a small SVG drawing. Text stays text, so that it can be read out and searched."""

from html import escape

INK, FAINT, GRID = "#1f2933", "#66727f", "#dde2e7"


def line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def bar(x: float, y: float, width: float, height: float, colour: str, *, told: str = "") -> str:
    """Return a filled rectangle; what it tells is shown where a pointer rests on it."""
    title = f"<title>{escape(told)}</title>" if told else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">{title}</rect>'


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    colour: str = INK,
    size: int = 13,
    weight: str = "normal",
) -> str:
    """Return one line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def document(body: str, *, width: int, height: int, title: str, description: str) -> str:
    """Return a whole drawing on white."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="Helvetica, Arial, sans-serif">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )
