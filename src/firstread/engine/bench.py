"""How fast a network is, by number of streams and threads: latency of one tile, and tiles a second."""

import statistics
import time
from collections import deque
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from firstread.engine import cpu
from firstread.engine.configuration import configuration
from firstread.engine.graph import read_graph
from firstread.engine.machine import Machine
from firstread.engine.manifest import NetworkPrecision
from firstread.engine.packages import ModelPackage
from firstread.engine.timing import compiled_for_timing, fill, sample_of
from firstread.progress import Progress, silent

if TYPE_CHECKING:
    import openvino

SECONDS = 1.0
_LEAST_RUNS = 3
_SLOW_PERCENT = 90


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Table):
    """One precision on one number of streams and threads. A run is one batch of tiles."""

    precision: NetworkPrecision
    streams: int = Field(description="batches worked on at a time")
    threads: int = Field(description="of all streams together")
    latency_s: float = Field(description="a run, nothing else running: median")
    latency_p90_s: float = Field(description="nine of ten such runs took no longer")
    loaded_latency_s: float = Field(
        description="a run while all streams are busy and one more waits, its own waiting included: median"
    )
    throughput: float = Field(description="tiles a second with all streams busy")
    runs: int = Field(description="with all streams busy")


class Bench(_Table):
    """Every measurement of one package."""

    name: str
    version: str
    digest: str
    machine: Machine
    batch: int
    patch: tuple[int, int, int] = Field(description="z, y, x")
    measured: tuple[Measured, ...]

    def as_read(self, precision: NetworkPrecision) -> Measured:
        """Return the measurement of the configuration of a read: one stream, the most threads."""
        most = max(one.threads for one in self.measured)
        return next(
            one for one in self.measured if (one.precision, one.streams, one.threads) == (precision, 1, most)
        )


def combinations(threads: int) -> tuple[tuple[int, int], ...]:
    """Return the (streams, threads) that are worth a measurement: powers of two, and the limit itself.

    Streams never outnumber threads: a stream without a thread of its own waits.
    """
    return tuple((streams, each) for each in _steps(threads) for streams in _steps(each))


def bench_package(
    package: ModelPackage,
    *,
    granted: cpu.Granted,
    threads: int | None = None,
    seconds: float = SECONDS,
    progress: Progress = silent,
) -> Bench:
    """Time every precision of a package on noise.

    Args:
        package: What to time.
        granted: What this process may use, as `cpu.granted` tells it.
        threads: The most to use; None: all that were granted.
        seconds: Of measuring, for each precision and combination; a slow network takes longer.
        progress: Told `bench`.

    Raises:
        ValueError: threads are more than were granted.
        ModelPackageError: OpenVINO cannot run the package.
    """
    most = threads or granted.threads
    if most > granted.threads:
        raise ValueError(f"{most} threads are more than the {granted.threads} that were granted")
    plan = [(precision, *each) for precision in package.precisions for each in combinations(most)]
    graphs = {precision: read_graph(package, precision) for precision in package.precisions}
    measured = []
    progress("bench", 0.0)
    for done, (precision, streams, number) in enumerate(plan, start=1):
        compiled = compiled_for_timing(
            package,
            precision,
            graph=graphs[precision],
            config=configuration(threads=number, streams=streams),
        )
        alone = _alone(compiled, package, seconds=seconds / 2)
        throughput, loaded = _loaded(compiled, package, seconds=seconds / 2)
        measured.append(
            Measured(
                precision=precision,
                streams=streams,
                threads=number,
                latency_s=statistics.median(alone),
                latency_p90_s=_percentile(alone, _SLOW_PERCENT),
                loaded_latency_s=statistics.median(loaded),
                throughput=throughput * package.manifest.input.batch,
                runs=len(loaded),
            )
        )
        progress("bench", done / len(plan))
    return Bench(
        name=package.name,
        version=package.version,
        digest=package.digest,
        machine=Machine.here(granted),
        batch=package.manifest.input.batch,
        patch=package.manifest.input.patch,
        measured=tuple(measured),
    )


def _alone(compiled: "openvino.CompiledModel", package: ModelPackage, *, seconds: float) -> list[float]:
    """Run one batch after the other; return the wall time of each."""
    request = compiled.create_infer_request()
    fill(request, sample_of(package))
    request.infer()  # the first run allocates
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < _LEAST_RUNS or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        request.infer()
        times.append(time.perf_counter() - start)
    return times


def _loaded(
    compiled: "openvino.CompiledModel", package: ModelPackage, *, seconds: float
) -> tuple[float, list[float]]:
    """Keep every stream busy; return the batches a second and the time of each batch."""
    # As Network does: one more than runs at a time, so that the next lies ready.
    at_once = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
    running = deque(compiled.create_infer_request() for _ in range(at_once))
    sample = sample_of(package)
    for request in running:
        fill(request, sample)
        request.infer()  # the first run allocates
    times: list[float] = []
    begun = time.perf_counter()
    for request in running:
        request.start_async()
    while running:
        oldest = running.popleft()
        oldest.wait()
        times.append(oldest.latency / 1000)  # OpenVINO tells ms
        if len(times) < _LEAST_RUNS * at_once or time.perf_counter() - begun < seconds:
            oldest.start_async()
            running.append(oldest)
    return len(times) / (time.perf_counter() - begun), times


def _steps(most: int) -> list[int]:
    """Return 1, 2, 4, … and `most`."""
    return sorted({*(1 << power for power in range(most.bit_length()) if 1 << power <= most), most})


def _percentile(times: list[float], percent: int) -> float:
    """Return the smallest time that so many per cent of the runs did not exceed."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
