"""A detector's package with an INT8 network beside it, made as a site makes it, on windows of the study's own lungs."""

import shutil
from pathlib import Path

import numpy as np
import openvino

from benchmarks.engines.cases import Case
from firstread.engine import AccuracyGate, ModelPackage, write_manifest
from firstread.engine.graph import read_graph
from firstread.engine.quantization import Quantized, quantize, read_samples
from firstread.readers.lung_nodule.detect import near_lungs
from firstread.readers.lung_nodule.grid import resample
from firstread.readers.lung_nodule.lungs import Lungs
from firstread.readers.lung_nodule.retinanet import window_grid

Triple = tuple[int, int, int]

MOST_DROP = 0.03
"""Of 1 - the mean difference of INT8's scores from FP32's, where FP32's are above 0.2: what firstread's own
detector had to keep."""
EXACT = (3, 2)
"""As with firstread's own detector: of the first and the last convolutions."""
WINDOWS = 8
"""Half of them to quantise with, the others to judge by."""


def write_windows(folder: Path, case: Case, lungs: Lungs, small: ModelPackage) -> None:
    """Write windows around places in the lungs, as `firstread models quantize --data` takes them."""
    given = small.manifest.input
    grid = window_grid(lungs, given)
    hu = resample(case.volume, grid).astype(np.float32)
    places = np.argwhere(near_lungs(lungs, grid))
    folder.mkdir()
    for number, place in enumerate(np.random.default_rng(0).choice(places, WINDOWS, replace=False)):
        room = np.subtract(hu.shape, given.patch)
        start = np.clip(place - np.array(given.patch) // 2, 0, room)
        window = tuple(slice(int(a), int(a) + n) for a, n in zip(start, given.patch, strict=True))
        np.savez(folder / f"{number}.npz", input=hu[window])


def with_int8(
    package: ModelPackage, small: ModelPackage, windows: Path, out: Path, *, max_drop: float
) -> tuple[ModelPackage, Quantized]:
    """Quantise a package's weights on smaller windows, and give it the INT8 graph in its own size.

    Args:
        package: What is used.
        small: The same weights for the windows' size.
        windows: As `write_windows` leaves them.
        out: Folder to write to.
        max_drop: How far from FP32 the scores may be.

    Raises:
        RefusedInput: the gate was not passed.
    """
    made = quantize(
        small, read_samples(windows, small), max_drop=max_drop, out=out, metric="agreement", exact=EXACT
    )
    graph = read_graph(made.package, "int8")
    return _with(package, {"int8": graph}, out / "whole", package.manifest.input.patch, made.gate), made


def resized(package: ModelPackage, patch: Triple, out: Path) -> ModelPackage:
    """Return the same weights for a window of another size (z, y, x), which is not tried: it takes minutes."""
    return _with(package, {"f32": read_graph(package, "f32")}, out, patch, None)


def _with(
    package: ModelPackage,
    graphs: "dict[str, openvino.Model]",
    out: Path,
    patch: Triple,
    gate: AccuracyGate | None,
) -> ModelPackage:
    folder = shutil.copytree(package.folder, out / package.name)
    for precision, graph in graphs.items():
        graph.reshape([1, 1, *patch])
        openvino.save_model(graph, folder / f"{precision}.xml", compress_to_fp16=False)
    given = package.manifest.input.model_copy(update={"patch": patch})
    manifest = package.manifest.model_copy(update={"input": given, "accuracy_gate": gate, "files": {}})
    return write_manifest(folder, manifest)
