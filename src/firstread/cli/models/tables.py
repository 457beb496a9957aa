"""What the terminal shows of model packages."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.cli.models.inventory import Listed
from firstread.engine import ModelPackage
from firstread.engine.bench import Bench, Measured
from firstread.engine.precision_choice import PrecisionChoice
from firstread.engine.profiling import Profile

if TYPE_CHECKING:
    from firstread.engine.quantization import Quantized

NOTHING = "–"
NOT_MEASURED = "is measured when it is first used"
_SHOWN_DIGEST = 12  # letters; result.json and --json have all 64


def print_list(listed: Sequence[Listed], *, console: Console | None = None) -> None:
    """Print the packages folder by folder, and below them what is wrong with the damaged ones."""
    console = console or Console()
    for place in dict.fromkeys(one.folder.parent for one in listed):
        console.print(Text(f"{place}", style="bold"), soft_wrap=True)
        table = _table("  package", "version", "task", "precisions", "digest", text_columns=5)
        for one in listed:
            if one.folder.parent == place:
                digest = one.digest[:_SHOWN_DIGEST] if one.digest else "damaged"
                table.add_row(
                    f"  {one.name}",
                    one.version or NOTHING,
                    one.task or NOTHING,
                    ", ".join(one.precisions) or NOTHING,
                    Text(digest, style="" if one.digest else "bold red"),
                )
        console.print(table)
    several = [one for one in listed if len(one.precisions) > 1]
    if several:
        console.print(Text("\nWhat the precision auto takes on this host", style="bold"))
    for one in several:
        told = f"takes {one.choice.precision}: {one.choice}" if one.choice else NOT_MEASURED
        console.print(Text(f"  {one.name} {told}"), soft_wrap=True)
    for one in listed:
        if one.fault:
            console.print(Text(f"\n✗ {one.name}: {one.fault}", style="bold red"), soft_wrap=True)


def print_package(package: ModelPackage, *, console: Console | None = None) -> None:
    """Print what a package holds that was just made, and what is still to be said in its manifest."""
    console = console or Console()
    manifest = package.manifest
    console.print(
        Text(
            f"{package.name} {package.version}, {manifest.task}, {', '.join(package.precisions)}",
            style="bold",
        )
    )
    spec = manifest.input
    window = (
        f"clipped to {spec.window_hu[0]:g} to {spec.window_hu[1]:g} HU"
        if spec.window_hu
        else "HU as they are"
    )
    console.print(
        Text(f"input: tiles of {_by(spec.patch)} voxels of {_by(spec.spacing_mm)} mm (z, y, x), {window}")
    )
    for name, output in manifest.outputs.items():
        stride = output.stride if isinstance(output.stride, int) else _by(output.stride)
        kind = f"a map at stride {stride}" if stride else "a vector"
        console.print(
            Text(f"output {name}: {kind}, {output.channels} channel{'s' if output.channels > 1 else ''}")
        )
    if manifest.decoding is not None:
        anchors, levels = len(manifest.decoding.anchors), len(manifest.decoding.levels)
        console.print(Text(f"decoding: {manifest.decoding.kind}, {anchors} anchors at {levels} levels"))
    console.print(Text(f"digest: {package.digest}"), soft_wrap=True)
    console.print(Text(str(package.folder)), soft_wrap=True)


def print_quantized(quantized: "Quantized", *, console: Console | None = None) -> None:
    """Print the gate, how much is in INT8, and the package."""
    console = console or Console()
    gate = quantized.gate
    console.print(
        Text(
            f"{gate.metric}: {gate.f32:.5f} in FP32, {gate.int8:.5f} in INT8, allowed drop {gate.max_drop:g}"
        )
    )
    layers = quantized.in_int8 + quantized.in_f32
    console.print(Text(f"{quantized.in_int8} of {layers} convolutions and matrix products are in INT8.\n"))
    print_package(quantized.package, console=console)


def _by(numbers: Sequence[float]) -> str:
    return " × ".join(f"{number:g}" for number in numbers)


def print_profile(
    profile: Profile, *, top: int, written: Sequence[Path], console: Console | None = None
) -> None:
    """Print the totals, then the layers that take longest."""
    console = console or Console()
    model = profile.model
    console.print(Text(f"{model.name} {model.version}, {model.precision}", style="bold"))
    console.print(Text(str(profile.machine), style="dim"))
    console.print(
        Text(
            f"{1000 * profile.wall_s:.2f} ms a run on {profile.threads} threads, median of {profile.rounds} rounds of "
            f"{profile.runs} runs. The layers account for {100 * profile.accounted:.1f} % of it.\n"
        )
    )
    table = _table("layer", "operation", "precision", "kernel", "ms", "share", text_columns=4)
    layers = sorted(profile.layers, key=lambda layer: -layer.time_s)
    shown = layers[:top] if top else layers
    for layer in shown:
        table.add_row(
            Text(layer.label, overflow="ellipsis", no_wrap=True),
            Text(layer.kind, overflow="ellipsis", no_wrap=True),
            layer.precision,
            Text(layer.kernel, overflow="ellipsis", no_wrap=True),
            f"{1000 * layer.time_s:.3f}",
            _percent(layer.share),
        )
    rest = layers[len(shown) :]
    if rest:
        table.add_row(f"{len(rest)} others", "", "", "", *_total(sum(one.time_s for one in rest), profile))
    table.add_row("outside the layers", "", "", "", *_total(profile.outside_s, profile))
    table.add_row("whole network", "", "", "", *_total(profile.wall_s, profile), style="bold")
    console.print(table)
    for title, sums in (("precision", profile.by_precision()), ("operation", profile.by_kind())):
        told = ", ".join(f"{name} {_percent(share)}" for name, share in sums.items())
        console.print(Text(f"By {title}: {told}"))
    _files(console, written)


def print_bench(
    bench: Bench, choice: PrecisionChoice | None = None, *, console: Console | None = None
) -> None:
    """Print one row a measurement; the shortest latency and the most tiles a second stand out."""
    console = console or Console()
    batch = f", batches of {bench.batch}" if bench.batch > 1 else ""
    console.print(Text(f"{bench.name} {bench.version}, tiles of {_by(bench.patch)}{batch}", style="bold"))
    console.print(Text(f"{bench.machine}\n", style="dim"))
    fastest = min(bench.measured, key=lambda one: one.latency_s)
    busiest = max(bench.measured, key=lambda one: one.throughput)
    table = _table(
        "precision", "streams", "threads", "latency ms", "p90 ms", "loaded ms", "tiles/s", text_columns=1
    )  # fmt: skip
    former = bench.measured[0].precision
    for one in bench.measured:
        if one.precision != former:
            table.add_section()
            former = one.precision
        table.add_row(
            one.precision,
            str(one.streams),
            str(one.threads),
            Text(_ms(one.latency_s), style="bold green" if one is fastest else ""),
            _ms(one.latency_p90_s),
            _ms(one.loaded_latency_s),
            Text(f"{one.throughput:.1f}", style="bold green" if one is busiest else ""),
        )
    console.print(table)
    console.print(Text(f"\nShortest latency: {_setting(fastest)}. Most tiles a second: {_setting(busiest)}."))
    if choice:
        console.print(Text(f"Remembered: auto takes {choice.precision} ({choice})."))


def _setting(one: Measured) -> str:
    streams = f"{one.streams} stream{'s' if one.streams > 1 else ''}"
    return f"{one.precision}, {streams} on {one.threads} thread{'s' if one.threads > 1 else ''}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f}"


def _total(seconds: float, profile: Profile) -> tuple[str, str]:
    return f"{1000 * seconds:.3f}", _percent(seconds / profile.wall_s)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(*columns: str, text_columns: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < text_columns else "right", overflow="fold")
    return table


def _files(console: Console, written: Sequence[Path]) -> None:
    if written:
        console.print()
    for path in written:
        # Not wrapped: a path that is broken over two lines cannot be copied.
        console.print(Text(str(path)), soft_wrap=True)
