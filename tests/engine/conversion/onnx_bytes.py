"""ONNX files written by hand (the protocol buffers of onnx.proto): the tests need no onnx package."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FLOAT, INTS, INT = 1, 7, 2


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _bytes(1, name) + _number(3, value) + _number(20, INT)
    return _bytes(1, name) + b"".join(_number(8, each) for each in value) + _number(20, INTS)


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> bytes:
    parts = [_bytes(1, name) for name in inputs] + [_bytes(2, output), _bytes(3, output), _bytes(4, kind)]
    return b"".join(parts + [_bytes(5, _attribute(*pair)) for pair in attributes.items()])


def _tensor(name: str, values: np.ndarray, *, elsewhere: str | None) -> bytes:
    head = b"".join(_number(1, size) for size in values.shape) + _number(2, FLOAT) + _bytes(8, name)
    if elsewhere is None:
        return head + _bytes(9, values.astype("<f4").tobytes())
    return head + _bytes(13, _bytes(1, "location") + _bytes(2, elsewhere)) + _number(14, 1)


def _value(name: str, shape: Sequence[int | str] | None) -> bytes:
    kind = _number(1, FLOAT)
    if shape is not None:
        sizes = [_number(1, size) if isinstance(size, int) else _bytes(2, size) for size in shape]
        kind += _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _bytes(1, name) + _bytes(2, _bytes(1, kind))


def model(
    nodes: Sequence[bytes],
    *,
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str],
    weights: Mapping[str, np.ndarray],
    elsewhere: str | None = None,
) -> bytes:
    """Return the bytes of a model; with `elsewhere` its weights are said to lie in a file of that name."""
    graph = b"".join(_bytes(1, each) for each in nodes) + _bytes(2, "graph")
    graph += b"".join(_bytes(5, _tensor(name, each, elsewhere=elsewhere)) for name, each in weights.items())
    graph += b"".join(_bytes(11, _value(name, shape)) for name, shape in inputs.items())
    graph += b"".join(_bytes(12, _value(name, None)) for name in outputs)
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 17))


WEIGHTS = np.random.default_rng(4).standard_normal((2, 1, 3, 3, 3)).astype(np.float32)


def network(
    *,
    shape: Sequence[int | str] = (1, 1, 16, 16, 16),
    weights: np.ndarray = WEIGHTS,
    kind: str = "Conv",
    stride: int = 1,
    elsewhere: str | None = None,
) -> bytes:
    """Return a network of one convolution (`map`) and the mean of it (`mean`, a vector)."""
    axes = weights.ndim - 2
    return model(
        [
            node(kind, ["image", "w"], "map", pads=[1] * (2 * axes), strides=[stride] * axes),
            node("ReduceMean", ["map"], "mean", axes=list(range(2, 2 + axes)), keepdims=0),
        ],
        inputs={"image": shape},
        outputs=["map", "mean"],
        weights={"w": weights},
        elsewhere=elsewhere,
    )
