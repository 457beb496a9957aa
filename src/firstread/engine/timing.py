"""How networks are timed: on which sample, and how often."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstread.engine.configuration import Configuration
from firstread.engine.graph import brief
from firstread.engine.manifest import NetworkPrecision
from firstread.engine.packages import ModelPackage
from firstread.errors import ModelPackageError

if TYPE_CHECKING:
    import openvino

# Air to bone: zeros or air alone would let kernels meet denormal numbers, or none at all.
_LOW_HU, _HIGH_HU = -1000.0, 400.0

COMPARE_S = 0.6
_LEAST_ROUNDS = 2


def sample_of(package: ModelPackage) -> npt.NDArray[np.float32]:
    """Return one batch [batch, 1, z, y, x] of noise from -1000 to 400 HU, always the same."""
    spec = package.manifest.input
    noise = np.random.default_rng(0).random((spec.batch, 1, *spec.patch), np.float32)
    return noise * np.float32(_HIGH_HU - _LOW_HU) + np.float32(_LOW_HU)


def compiled_for_timing(
    package: ModelPackage,
    precision: NetworkPrecision,
    *,
    graph: "openvino.Model",
    config: Configuration,
) -> "openvino.CompiledModel":
    """Compile a graph of a package, without the cache.

    Raises:
        ModelPackageError: OpenVINO cannot compile it.
    """
    import openvino

    try:
        return openvino.Core().compile_model(graph, "CPU", config)
    except RuntimeError as error:
        raise ModelPackageError(
            f"OpenVINO cannot compile {package.folder / precision}.xml: {brief(error)}.",
            remedy="Run `firstread doctor`; the package may need a newer firstread.",
        ) from error


def fill(request: "openvino.InferRequest", sample: npt.NDArray[Any]) -> None:
    """Put a sample into a request's own memory, so that no run pays for copying it."""
    tensor = request.get_input_tensor()
    tensor.shape = sample.shape
    tensor.data[:] = sample


def least_times(
    networks: "Mapping[NetworkPrecision, openvino.CompiledModel]", sample: npt.NDArray[Any]
) -> dict[NetworkPrecision, float]:
    """Return the least seconds of one batch by network, in about a second for all of them.

    They take turns, so that what else runs on the machine meets them alike; the least time is the one that it
    disturbed least.
    """
    begun = time.perf_counter()
    requests = {precision: network.create_infer_request() for precision, network in networks.items()}
    for request in requests.values():
        fill(request, sample)
        request.infer()  # the first run allocates
    times: dict[NetworkPrecision, list[float]] = {precision: [] for precision in requests}
    rounds = 0
    while rounds < _LEAST_ROUNDS or time.perf_counter() - begun < COMPARE_S:
        for precision, request in requests.items():
            start = time.perf_counter()
            request.infer()
            times[precision].append(time.perf_counter() - start)
        rounds += 1
    return {precision: min(each) for precision, each in times.items()}
