"""Two fixed pieces of work, timed beside what is measured: seconds of one host, or hour, say nothing of another's.

Networks are measured in seconds of the first, everything else in seconds of the second. A host that is twice as fast,
or half as busy, does the yardstick and the read in half the time; the ratio stays, unless the program has changed.
"""

import statistics
import zlib
from collections.abc import Callable
from time import perf_counter

import numpy as np
import openvino

from benchmarks.engines.peak import chain
from firstread.engine.configuration import configuration

CHANNELS, EDGE = 64, 24
"""Of the convolutions, as in the measurement of the peak: 9 GFLOP."""
RUNS = 5


def yardsticks(*, threads: int) -> dict[str, float]:
    """Return the seconds of convolutions on all threads, and of decoding, sorting and Python on one; medians."""
    return {"networks": _median(_convolutions(threads)), "rest": _median(_mixture())}


def _convolutions(threads: int) -> Callable[[], object]:
    model = chain(CHANNELS, EDGE, int8=False)
    request = (
        openvino.Core().compile_model(model, "CPU", configuration(threads=threads)).create_infer_request()
    )
    shape = model.inputs[0].get_shape()
    request.get_input_tensor().data[:] = np.random.default_rng(1).uniform(0, 2, shape)
    return request.infer


def _mixture() -> Callable[[], object]:
    values = np.random.default_rng(2).integers(-1000, 1000, 600_000).astype(np.int16)
    packed = zlib.compress(values.tobytes(), 1)

    def work() -> None:
        np.sort(np.frombuffer(zlib.decompress(packed), np.int16).astype(np.float32))
        table: dict[int, int] = {}
        for number in range(200_000):
            table[number % 997] = table.get(number % 997, 0) + number

    return work


def _median(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(RUNS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return round(statistics.median(times), 5)
