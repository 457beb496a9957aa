"""The most that this host computes and moves, measured through the engine that is judged by it.

Arithmetic: chains of 3-D convolutions that are wide enough to be bound by multiplication, and products of large
matrices, through OpenVINO with the threads that firstread uses; the best of several shapes and runs. (3-D convolutions
have no Winograd form, so that operations counted are operations done.) Memory: copies of an array that no cache holds.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
import openvino
from openvino import opset13 as ops

from benchmarks.engines.operations import Peak, count
from firstread.engine.configuration import configuration

SHAPES = ((64, 40), (128, 24), (256, 16))
"""Channels and edge (voxels) of the convolutions: from what fills a level-2 cache to what exceeds it."""
MATRIX = 1536
COPIED_BYTES = 256 * 2**20
SECONDS = 1.0
"""How long each shape is repeated."""
_LAYERS = 3


def measured_peak(*, threads: int, seconds: float = SECONDS, quick: bool = False) -> Peak:
    """Measure the host's peak.

    Args:
        threads: Of OpenVINO, and of the copies.
        seconds: For each shape.
        quick: One small shape: a number for tests, not for a comparison.
    """
    shapes = ((32, 16),) if quick else SHAPES
    f32 = [chain(channels, edge, int8=False) for channels, edge in shapes]
    f32 += [] if quick else [_product(MATRIX)]
    int8 = [chain(channels, edge, int8=True) for channels, edge in shapes]
    copied = COPIED_BYTES // (32 if quick else 1)
    return Peak(
        f32=max(_rate(model, threads, seconds) for model in f32),
        int8=max(_rate(model, threads, seconds) for model in int8),
        bytes=_copied(copied, threads, seconds),
    )


def chain(channels: int, edge: int, *, int8: bool) -> openvino.Model:
    """Return a few convolutions of 3³ one after the other, with ReLU, as the networks have them."""
    rng = np.random.default_rng(0)
    given = ops.parameter([1, channels, edge, edge, edge], np.float32)
    node = given.output(0)
    for _ in range(_LAYERS):
        shape = (channels, channels, 3, 3, 3)
        if int8:
            node = ops.fake_quantize(node, *(_number(v) for v in (0.0, 2.55, 0.0, 2.55)), 256).output(0)
            packed = ops.constant(rng.integers(-64, 64, shape).astype(np.int8))
            weights = ops.multiply(ops.convert(packed, np.float32), _number(1e-3))
        else:
            weights = ops.constant(rng.normal(0, 0.02, shape).astype(np.float32))
        node = ops.convolution(node, weights, [1] * 3, [1] * 3, [1] * 3, [1] * 3).output(0)
        node = ops.relu(node).output(0)
    return openvino.Model([node], [given], "chain")


def _product(side: int) -> openvino.Model:
    given = ops.parameter([side, side], np.float32)
    weights = ops.constant(np.random.default_rng(0).normal(0, 0.02, (side, side)).astype(np.float32))
    return openvino.Model([ops.matmul(given, weights, False, False).output(0)], [given], "product")


def _number(value: float) -> openvino.Node:
    return ops.constant(np.float32(value))


def _rate(model: openvino.Model, threads: int, seconds: float) -> float:
    """Return operations a second of a graph's fastest run."""
    work = count(model)
    compiled = openvino.Core().compile_model(model, "CPU", configuration(threads=threads))
    request = compiled.create_infer_request()
    shape = model.inputs[0].get_shape()
    given = np.random.default_rng(1).uniform(0, 2, shape).astype(np.float32)
    request.get_input_tensor().data[:] = given
    return work.operations / _fastest(request.infer, seconds)


def _copied(size: int, threads: int, seconds: float) -> float:
    """Return bytes read and written a second by copies of `size` bytes, shared among the threads."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:

        def copy() -> None:
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), parts))

        return 2 * size / _fastest(copy, seconds)


def _fastest(run: Callable[[], object], seconds: float) -> float:
    run()
    times: list[float] = []
    end = perf_counter() + seconds
    while not times or perf_counter() < end:
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)
