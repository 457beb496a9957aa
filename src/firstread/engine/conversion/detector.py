"""From the bundle of a RetinaNetDetector to the facts, the graph and the decoding of a package."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from firstread.engine.axes import Axes
from firstread.engine.conversion.detector_bundle import DetectorBundle, Triple
from firstread.engine.conversion.facts import Facts
from firstread.engine.conversion.monai_bundle import read_about
from firstread.engine.conversion.retinanet_graph import retinanet_graph
from firstread.engine.conversion.source import Source
from firstread.engine.conversion.weights import read_weights
from firstread.engine.decoding import Level, RetinaNet
from firstread.errors import RefusedInput, UsageError

if TYPE_CHECKING:
    import openvino

ALONE = {"detector": 1.0, "candidate": 0.0, "bias": 0.0, "threshold": 0.5}
"""The detector decides alone, and a nodule is what it calls likelier than not, until evaluation says better."""
DESCRIPTIONS = {
    "classification": "logit of each anchor: a nodule",
    "box_regression": "three offsets and three logarithms of edges of each anchor, along decoding.axes",
}
"""Of the outputs, by their names without the level."""
_TOLD = {
    "spacing_mm": None,
    "task": "detection",
    "axes": None,
    "window_hu": None,
    "scaled_to": (0.0, 1.0),
    "outputs": None,
}


def completed(facts: Facts, design: DetectorBundle, folder: Path) -> Facts:
    """Return the facts with what the bundle says; it says all of it, so that nothing said by hand may differ.

    Raises:
        UsageError: something was said by hand that the bundle says.
    """
    for name, default in _TOLD.items():
        if getattr(facts, name) not in (default, None):
            raise UsageError(
                f"{folder} says itself what {name} is.",
                remedy=f"Leave --{name.replace('_', '-')} out; the bundle's configs/inference.json is taken.",
            )
    order = Axes.named(design.axes).order
    about = read_about(folder)
    z, y, x = (design.spacing_mm[order.index(n)] for n in range(3))
    return replace(
        facts,
        task="detection",
        version=facts.version or about.version,
        intended_use=facts.intended_use or about.intended_use,
        spacing_mm=(z, y, x),
        axes=design.axes,
        window_hu=design.window_hu,
        scaled_to=design.scaled_to,
    )


def window_of(facts: Facts, design: DetectorBundle, folder: Path) -> Triple:
    """Return the window (z, y, x) of the package.

    Raises:
        UsageError: it was not said, or does not fit the network.
    """
    axes = Axes.named(design.axes)
    steps = axes.to_ours(design.size_divisible)
    if facts.patch is None:
        theirs = " ".join(map(str, axes.to_ours(design.window)))
        raise UsageError(
            f"{folder} slides windows of {theirs} voxels (z, y, x), which take much memory.",
            remedy=f"Choose the window with --patch Z Y X, multiples of {' '.join(map(str, steps))}; the larger, the "
            "less is computed twice. Group norms see the whole window, so that another window gives other scores.",
        )
    if any(size % step for size, step in zip(facts.patch, steps, strict=True)):
        raise UsageError(
            f"A window of {' '.join(map(str, facts.patch))} voxels does not fit the network.",
            remedy=f"Give --patch Z Y X in multiples of {' '.join(map(str, steps))}.",
        )
    return facts.patch


def graph_of(
    source: Source, design: DetectorBundle, *, patch: Triple, batch: int
) -> "tuple[openvino.Model, tuple[str, ...]]":
    """Return the network in its own axes, and the names of its outputs.

    Raises:
        RefusedInput: the weights cannot be read safely, or do not fit.
    """
    window = Axes.named(design.axes).of_network(patch)
    return retinanet_graph(source.path, read_weights(source), design, batch=batch, window=window)


def decoding_of(design: DetectorBundle, patch: Triple) -> RetinaNet:
    """Return the table [decoding] of a package; the halo is half of MONAI's overlap, in whole steps of the network.

    Raises:
        RefusedInput: a number is none that a detector can have.
    """
    steps = Axes.named(design.axes).to_ours(design.size_divisible)
    z, y, x = (int(size * design.overlap / 2) // step * step for size, step in zip(patch, steps, strict=True))
    try:
        levels = tuple(
            Level(classification=f"classification_{n}", regression=f"box_regression_{n}", scale=scale)
            for n, scale in enumerate(design.scales)
        )
        a, b, c, d, e, f = design.box_weights
        return RetinaNet(
            kind="retinanet",
            axes=design.axes,
            anchors=design.anchors,
            levels=levels,
            box_weights=(a, b, c, d, e, f),
            score_threshold=design.score_threshold,
            most_per_level=design.most_per_level,
            nms_overlap=design.nms_overlap,
            most_boxes=design.most_boxes,
            halo=(z, y, x),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RefusedInput(
            f"The bundle's detector does not fit: {where}: {first['msg']}.",
            remedy="Correct configs/inference.json, or fetch the bundle again.",
        ) from None
