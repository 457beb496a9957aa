"""Quantise a network after training, and take layers back to floating point until its accuracy holds."""

import importlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstread.engine.configuration import configuration
from firstread.engine.graph import read_graph
from firstread.engine.manifest import AccuracyGate, Manifest
from firstread.engine.packages import ModelPackage
from firstread.engine.packing import check_place, pack
from firstread.engine.quantization.metrics import METRICS, Metric, default_metric, refuse_silence
from firstread.engine.quantization.samples import Sample, Samples
from firstread.engine.timing import compiled_for_timing
from firstread.errors import FirstreadError, RefusedInput, UsageError
from firstread.progress import Progress, silent

if TYPE_CHECKING:
    import openvino

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Quantized:
    """A package with an int8 network that passed its gate.

    Attributes:
        package: As written.
        gate: What both precisions scored.
        in_int8: Convolutions and matrix products that compute in INT8.
        in_f32: Convolutions and matrix products without one: those that NNCF took back, or never quantises.
    """

    package: ModelPackage
    gate: AccuracyGate
    in_int8: int
    in_f32: int


def quantize(
    package: ModelPackage,
    samples: Samples,
    *,
    max_drop: float,
    out: Path,
    metric: str | None = None,
    output: str | None = None,
    exact: tuple[int, int] = (0, 0),
    force: bool = False,
    progress: Progress = silent,
) -> Quantized:
    """Make the package out/NAME: the same, with an int8 network whose metric lies within `max_drop` of FP32's.

    The metric is measured on samples that were not quantised with, against their labels, or where they have none
    against what the FP32 network says.

    Args:
        package: Its f32 network is quantised; an int8 network that it has is left out.
        samples: As `read_samples` gives them.
        max_drop: By how much the metric may fall, 0 or more.
        out: Folder in which the package's folder is made.
        metric: A name of METRICS; None: that of the task.
        output: The output that is judged; None: the first.
        exact: How many of the first and of the last convolutions stay in floating point from the start: often they
            lose most and cost little, and layers are taken back one by one only where that was not enough.
        force: Replace a package that is there.
        progress: Told `quantize`.

    Raises:
        UsageError: metric, output or labels do not fit, or out/NAME is there.
        RefusedInput: no layer can be in INT8 within the limit; nothing was written.
        FirstreadError: NNCF is not installed.
    """
    check_place(out, package.name, replace=force)
    if package.folder.resolve() == (out / package.name).resolve():
        raise UsageError(
            f"{package.folder} is what is quantised.", remedy="Choose another folder with --out."
        )
    name = metric or default_metric(package.manifest.task, with_truth=samples.with_truth)
    judge = _Judge(package, samples.checks, _fitting(name, package, samples), _output(package, output))
    nncf = _nncf()
    progress("quantize", 0.0)
    graph = read_graph(package, "f32")
    f32 = judge.score(graph)
    progress("quantize", 0.1)
    feed = package.manifest.input.name
    small = nncf.quantize_with_accuracy_control(
        read_graph(package, "f32"),
        nncf.Dataset([{feed: _batch(package, one)} for one in samples.calibration]),
        # Numbers, so that the judge finds the labels; NNCF itself feeds what they stand for.
        nncf.Dataset(
            list(range(len(samples.checks))), lambda number: {feed: _batch(package, samples.checks[number])}
        ),
        lambda model, numbers: (judge.of([judge.run(model, number) for number in numbers]), None),
        max_drop=max_drop,
        drop_type=nncf.DropType.ABSOLUTE,
        subset_size=len(samples.calibration),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=outermost(graph, *exact)),
        # Without VNNI, sums of two products saturate at 16 bits; weights of 7 bits cannot.
        advanced_quantization_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.ENABLE
        ),
    )
    progress("quantize", 0.9)
    int8 = judge.score(small)
    in_int8, in_f32 = _layers(small)
    told = f"{METRICS[name].about} {f32:.5f} in FP32, {int8:.5f} in INT8, allowed drop {max_drop:g}"
    if f32 - int8 > max_drop or not in_int8:
        why = "no layer can be in INT8" if not in_int8 else "the accuracy falls too far"
        raise RefusedInput(
            f"{package.name}: {why} ({told}). Nothing was written.",
            remedy="Allow more with --max-drop, give more samples, or stay with FP32.",
        )
    against = "labels" if samples.with_truth and name != "agreement" else "the FP32 network"
    gate = AccuracyGate(
        metric=f"{METRICS[name].about} of `{judge.output}` against {against}, {len(samples.checks)} samples",
        f32=f32,
        int8=int8,
        max_drop=max_drop,
        passed=True,
    )
    made = pack(
        out, _manifest(package, gate, samples), {"f32": graph, "int8": small}, others=_others(package)
    )
    progress("quantize", 1.0)
    return Quantized(package=made, gate=gate, in_int8=in_int8, in_f32=in_f32)


class _Judge:
    """Runs a network on the samples that judge, one output, and scores it."""

    def __init__(self, package: ModelPackage, checks: Sequence[Sample], metric: Metric, output: str) -> None:
        self.package, self.checks, self.metric, self.output = package, checks, metric, output
        self._right: list[Array] | None = None

    def score(self, graph: "openvino.Model") -> float:
        """Return the metric of a graph, run as a read runs it."""
        config = configuration(threads=1)
        compiled = compiled_for_timing(self.package, "f32", graph=graph, config=config)
        return self.of([self.run(compiled, number) for number in range(len(self.checks))])

    def run(self, compiled: "openvino.CompiledModel", number: int) -> Array:
        """Return the output [1, channels, …] on one sample."""
        found = compiled({self.package.manifest.input.name: _batch(self.package, self.checks[number])})
        return np.array(found[compiled.output(self.output)][:1])

    def of(self, outputs: list[Array]) -> float:
        """Score outputs; the first that are scored are FP32's, and take the place of labels that are missing."""
        if self._right is None:
            truths = [sample.truth for sample in self.checks]
            by_f32 = self.metric.right
            labelled = [each for each in truths if each is not None]
            use_labels = len(labelled) == len(truths) and self.metric is not METRICS["agreement"]
            self._right = labelled if use_labels or by_f32 is None else [by_f32(each) for each in outputs]
            if self.metric is METRICS["agreement"]:
                refuse_silence(self._right)
        try:
            return self.metric.score(outputs, self._right)
        except ValueError as error:
            raise UsageError(
                f"`truth` does not fit the output {self.output}: {error}.",
                remedy="docs/how-to/models.md says which shape a metric takes.",
            ) from None


def _fitting(name: str, package: ModelPackage, samples: Samples) -> Metric:
    task = package.manifest.task
    fitting = [each for each, metric in METRICS.items() if task in metric.tasks]
    if name not in fitting:
        raise UsageError(
            f"{name} does not judge a {task} network.", remedy=f"Take one of: {', '.join(fitting)}."
        )
    if METRICS[name].needs_truth and not samples.with_truth:
        raise UsageError(
            f"{name} needs labels.", remedy="Put `truth` into every npz file, or take agreement."
        )
    return METRICS[name]


def _output(package: ModelPackage, output: str | None) -> str:
    outputs = package.manifest.outputs
    name = output or next(iter(outputs))
    if name not in outputs:
        raise UsageError(f"{package.name} has no output {name}.", remedy=f"It has: {', '.join(outputs)}.")
    return name


def _batch(package: ModelPackage, sample: Sample) -> Array:
    return np.repeat(sample.hu, package.manifest.input.batch, axis=0)


def _nncf() -> Any:  # noqa: ANN401 - never a run-time dependency, so its types are not known here
    try:
        nncf = importlib.import_module("nncf")
    except ImportError:
        raise FirstreadError(
            "NNCF, which quantises networks, is not installed.",
            remedy="Install the extra: pip install 'firstread[convert]'.",
        ) from None
    nncf.set_log_level(logging.ERROR)
    return nncf


def _layers(graph: "openvino.Model") -> tuple[int, int]:
    """Count the convolutions and matrix products whose input is quantised, and those whose input is not."""
    kinds = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul")
    layers = [node for node in graph.get_ops() if node.get_type_name() in kinds]
    quantised = sum(node.input_value(0).get_node().get_type_name() == "FakeQuantize" for node in layers)
    return quantised, len(layers) - quantised


def outermost(graph: "openvino.Model", first: int, last: int) -> list[str]:
    """Return the names of the first and the last so many convolutions of a graph."""
    names = [
        node.get_friendly_name() for node in graph.get_ordered_ops() if node.get_type_name() == "Convolution"
    ]
    return [name for at, name in enumerate(names) if at < first or at >= len(names) - last]


def _manifest(package: ModelPackage, gate: AccuracyGate, samples: Samples) -> Manifest:
    """Describe the new package; numbers of an earlier int8 network are not those of this one."""
    old = package.manifest
    version = old.version if "+" in old.version else f"{old.version}+int8"
    points = {precision: point for precision, point in old.operating_point.items() if precision == "f32"}
    training = old.training | {
        "int8": {
            "calibration_samples": len(samples.calibration),
            "judged_by_samples": len(samples.checks),
            "from_package": package.digest,
        }
    }
    return old.model_copy(
        update={
            "version": version,
            "operating_point": points,
            "accuracy_gate": gate,
            "training": training,
            "files": {},
        }
    )


def _others(package: ModelPackage) -> dict[str, bytes]:
    """Return the package's files beside its networks."""
    names: Iterable[str] = package.manifest.files
    return {name: package.read(name) for name in names if not name.endswith((".xml", ".bin"))}
