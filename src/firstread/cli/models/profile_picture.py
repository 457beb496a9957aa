"""The layers of a profile as bars, in the order in which they run: an SVG for people."""

from firstread.engine.profiling import Layer, Profile
from firstread.evaluation import svg

WIDTH = 960
_ROW = 18
_TOP, _BOTTOM = 96, 40
_LABELS = 330  # width of the names at the left
_NUMBERS = 130  # of the times at the right
_NAME_LETTERS = 44

COLOURS = {"f32": "#1d5fa8", "int8": "#2f9e6e", "bf16": "#8a63b8"}
OTHER = "#a3acb6"


def profile_picture(profile: Profile) -> str:
    """Draw one bar a layer, as long as its time, coloured by the precision that it ran in."""
    model = profile.model
    longest = max((layer.time_s for layer in profile.layers), default=0.0) or 1.0
    title = f"{model.name} {model.version}, {model.precision}: {1000 * profile.wall_s:.2f} ms a run"
    subtitle = (
        f"{profile.threads} threads; the layers account for {100 * profile.accounted:.1f} % of the wall time; "
        f"{profile.fused} more were fused"
    )
    parts = [
        svg.text(16, 28, title, size=17, weight="bold"),
        svg.text(16, 48, subtitle, colour=svg.FAINT),
        *_legend(profile),
    ]
    for number, layer in enumerate(profile.layers):
        parts += _bar(layer, _TOP + number * _ROW, longest)
    height = _TOP + len(profile.layers) * _ROW + _BOTTOM
    parts.append(svg.text(16, height - 14, str(profile.machine), colour=svg.FAINT, size=11))
    return svg.document(
        "\n".join(parts),
        width=WIDTH,
        height=height,
        title=title,
        description=f"{subtitle}. {profile.machine}",
    )


def _legend(profile: Profile) -> list[str]:
    parts, x = [], 16.0
    for precision, share in profile.by_precision().items():
        words = f"{precision}: {100 * share:.0f} %"
        parts.append(svg.bar(x, 62, 12, 12, COLOURS.get(precision, OTHER)))
        parts.append(svg.text(x + 18, 72, words))
        x += 40 + 8 * len(words)
    return parts


def _bar(layer: Layer, top: float, longest: float) -> list[str]:
    long = (WIDTH - _LABELS - _NUMBERS) * layer.time_s / longest
    middle = top + _ROW / 2 + 4
    told = f"{', '.join(layer.of) or layer.name} ({layer.kernel})"
    name = layer.label if len(layer.label) <= _NAME_LETTERS else "…" + layer.label[1 - _NAME_LETTERS :]
    numbers = f"{1000 * layer.time_s:.3f} ms, {100 * layer.share:.1f} %"
    return [
        svg.text(_LABELS - 8, middle, name, anchor="end", size=11),
        svg.bar(_LABELS, top + 3, max(long, 0.5), _ROW - 6, COLOURS.get(layer.precision, OTHER), told=told),
        svg.text(_LABELS + long + 6, middle, numbers, size=11, colour=svg.FAINT),
    ]
