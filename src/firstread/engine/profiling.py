"""Where the time of a network goes: every layer, its kernel, and the precision that it ran in."""

import statistics
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from firstread.engine import cpu
from firstread.engine.configuration import configuration
from firstread.engine.graph import read_graph
from firstread.engine.machine import Machine
from firstread.engine.manifest import NetworkPrecision
from firstread.engine.packages import ModelPackage
from firstread.engine.timing import compiled_for_timing, fill, sample_of
from firstread.errors import ModelPackageError
from firstread.findings import ModelUse
from firstread.progress import Progress, silent

if TYPE_CHECKING:
    import openvino

ROUNDS = 5
ROUND_S = 0.2  # a round of a fast network has many runs, so that microseconds count
_LEAST_RUNS, _MOST_RUNS = 4, 200
_WARM_RUNS = 2  # the first run allocates

# The ending of OpenVINO's exec_type names what a kernel computed in.
_PRECISIONS = {"I8": "int8", "i8": "int8", "u8": "int8", "U8": "int8"}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layer(_Table):
    """One layer that ran; what was fused into it is part of it."""

    name: str
    of: tuple[str, ...] = Field(description="operations of the network's graph that it does")
    kind: str = Field(description="operation, e.g. Convolution")
    kernel: str = Field(description="what OpenVINO ran, e.g. brgconv_avx512_f32")
    precision: str = Field(description="that the kernel computed in: f32, int8, …")
    time_s: float = Field(description="a run, mean of the round")
    share: float = Field(description="of the inference's wall time")

    @property
    def label(self) -> str:
        """Return the name for people: the first operation that still has its path in the network it came from."""
        named = next((name for name in self.of if "/" in name), self.name)
        return named.removeprefix("__module.")


class Profile(_Table):
    """Time by layer of one network, from the round whose wall time is the median of all rounds."""

    model: ModelUse
    machine: Machine
    threads: int
    rounds: int
    runs: int = Field(description="of the network, in each round")
    wall_s: float = Field(description="a run, as the caller waits for it; mean of the round")
    accounted: float = Field(description="share of wall_s that the layers account for")
    fused: int = Field(description="layers of the graph that became part of another, or of nothing")
    layers: tuple[Layer, ...] = Field(description="in the order in which they run")

    @property
    def outside_s(self) -> float:
        """Return the seconds of a run that no layer accounts for: passing from one to the next."""
        return max(0.0, self.wall_s * (1.0 - self.accounted))

    def by_precision(self) -> dict[str, float]:
        """Return the share of the wall time by the precision that layers computed in, largest first."""
        return _sums((layer.precision, layer.share) for layer in self.layers)

    def by_kind(self) -> dict[str, float]:
        """Return the share of the wall time by operation, largest first."""
        return _sums((layer.kind, layer.share) for layer in self.layers)


def profile_network(
    package: ModelPackage,
    *,
    precision: NetworkPrecision,
    granted: cpu.Granted,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> Profile:
    """Run a network on noise and ask OpenVINO for the time of every layer.

    Args:
        package: Of which the network is.
        precision: f32, or int8 where the package has it.
        granted: The threads to use, as `cpu.granted` tells them; one stream, as in a read.
        rounds: How often it is measured; the round of median wall time is told.
        progress: Told `profile`.

    Raises:
        ModelPackageError: the package lacks that precision, or OpenVINO cannot run it.
    """
    if precision not in package.precisions:
        raise ModelPackageError(
            f"The model package {package.name} has no {precision} network of proven accuracy.",
            remedy=f"It has: {', '.join(package.precisions)}.",
        )
    graph = read_graph(package, precision)
    config = configuration(threads=granted.threads) | {"PERF_COUNT": True}
    measured, origins = [], {}
    progress("profile", 0.0)
    for done in range(rounds):
        # Anew each time: OpenVINO's counters are means since the network was compiled.
        compiled = compiled_for_timing(package, precision, graph=graph, config=config)
        request = compiled.create_infer_request()
        fill(request, sample_of(package))
        measured.append(_round(request))
        origins = _origins(compiled)
        progress("profile", (done + 1) / rounds)
    typical = statistics.median_low(wall for wall, _, _ in measured)
    wall, runs, counters = next(each for each in measured if each[0] == typical)
    layers = tuple(
        Layer(
            name=info.node_name,
            of=origins.get(info.node_name, ()),
            kind=info.node_type,
            kernel=info.exec_type,
            precision=_precision(info.exec_type),
            time_s=seconds,
            share=seconds / wall,
        )
        for info, seconds in counters
        if info.status == info.Status.EXECUTED
    )
    return Profile(
        model=ModelUse(
            name=package.name, version=package.version, digest=package.digest, precision=precision
        ),
        machine=Machine.here(granted),
        threads=granted.threads,
        rounds=rounds,
        runs=runs,
        wall_s=wall,
        accounted=sum(layer.share for layer in layers),
        fused=len(counters) - len(layers),
        layers=layers,
    )


def _round(
    request: "openvino.InferRequest",
) -> tuple[float, int, Sequence[tuple["openvino.ProfilingInfo", float]]]:
    """Return the mean wall time of a run, the number of runs, and the mean time of every layer in them."""
    for _ in range(_WARM_RUNS):
        request.infer()
    before = request.get_profiling_info()
    runs, start = 0, time.perf_counter()
    while runs < _LEAST_RUNS or (runs < _MOST_RUNS and time.perf_counter() - start < ROUND_S):
        request.infer()
        runs += 1
    wall = (time.perf_counter() - start) / runs
    after = request.get_profiling_info()
    # Means of all runs so far; the difference of their sums is that of the runs that were timed.
    every = _WARM_RUNS + runs
    seconds = [
        max(0.0, (new.real_time.total_seconds() * every - old.real_time.total_seconds() * _WARM_RUNS) / runs)
        for old, new in zip(before, after, strict=True)
    ]
    return wall, runs, list(zip(after, seconds, strict=True))


def _origins(compiled: "openvino.CompiledModel") -> dict[str, tuple[str, ...]]:
    """Return which operations of the graph became which layer, as OpenVINO tells them."""
    origins = {}
    for node in compiled.get_runtime_model().get_ops():
        told = node.get_rt_info()
        names = str(told["originalLayersNames"].value) if "originalLayersNames" in told else ""
        origins[node.get_friendly_name()] = tuple(name for name in names.split(",") if name)
    return origins


def _precision(exec_type: str) -> str:
    ending = exec_type.rpartition("_")[2]
    return _PRECISIONS.get(ending, ending)


def _sums(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, share in pairs:
        sums[name] = sums.get(name, 0.0) + share
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
