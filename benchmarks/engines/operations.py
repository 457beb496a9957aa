"""What a network has to compute and to move, counted from its OpenVINO graph; and how long that takes at least."""

import math
from dataclasses import dataclass
from typing import Self

import openvino

from firstread.engine import ModelPackage
from firstread.engine.graph import read_graph
from firstread.engine.manifest import NetworkPrecision


@dataclass(frozen=True)
class Work:
    """Of one sample through a network.

    Attributes:
        f32: Floating-point operations of convolutions and matrix products in FP32; a multiply-add is two.
        int8: The same in INT8.
        bytes: What those layers read and write when nothing stays in a cache between two of them, each tensor
            once, at 4 bytes a number in FP32 layers and 1 in INT8 layers. Additions, ReLU and the intensity window
            are taken as joined to the layer before them.
    """

    f32: float = 0.0
    int8: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.f32 + other.f32, self.int8 + other.int8, self.bytes + other.bytes)

    def times(self, samples: float) -> "Work":
        """Return the work of several samples."""
        return Work(self.f32 * samples, self.int8 * samples, self.bytes * samples)

    @property
    def operations(self) -> float:
        """Return the operations in either precision."""
        return self.f32 + self.int8


@dataclass(frozen=True)
class Peak:
    """What the host did at best, measured in the same run.

    Attributes:
        f32: FP32 operations a second.
        int8: INT8 operations a second.
        bytes: Bytes read and written a second.
    """

    f32: float
    int8: float
    bytes: float

    def seconds(self, work: Work) -> float:
        """Return the least time for the operations: those of each precision at its peak, one after the other."""
        return work.f32 / self.f32 + work.int8 / self.int8

    def seconds_of_bytes(self, work: Work) -> float:
        """Return the time that the bytes take through memory."""
        return work.bytes / self.bytes


def work_of(package: ModelPackage, precision: NetworkPrecision) -> Work:
    """Count one sample of a package's network."""
    total = count(read_graph(package, precision))
    return total.times(1 / package.manifest.input.batch)


def count(model: openvino.Model) -> Work:
    """Count the convolutions and matrix products of a graph of static shape."""
    total = Work()
    for op in model.get_ordered_ops():
        if op.get_type_name() in ("Convolution", "GroupConvolution", "MatMul"):
            total += _layer(op)
    return total


def _layer(op: openvino.Node) -> Work:
    entered, weights = (math.prod(op.input(side).get_shape()) for side in (0, 1))
    left = math.prod(op.output(0).get_shape())
    # Every output is a sum over one output channel's weights: of a convolution [outputs, inputs, z, y, x], of a
    # grouped one [groups, outputs, inputs, z, y, x]; a matrix product sums over the last axis of its first input.
    if op.get_type_name() == "MatMul":
        across = op.input(0).get_shape()[-2 if op.get_attributes()["transpose_a"] else -1]
    else:
        kept = 2 if op.get_type_name() == "GroupConvolution" else 1
        across = math.prod(op.input(1).get_shape()[kept:])
    operations = 2.0 * left * across
    if runs_in_int8(op):
        return Work(int8=operations, bytes=entered + weights + left)
    return Work(f32=operations, bytes=4 * (entered + weights + left))


def runs_in_int8(op: openvino.Node) -> bool:
    """Tell whether a layer's weights are kept as 8-bit integers and its input is quantised."""
    node = op.input_value(1).get_node()
    while node.get_type_name() in ("Multiply", "Subtract", "Convert", "FakeQuantize", "Reshape"):
        node = node.input_value(0).get_node()
    source = op.input_value(0).get_node()
    quantised = source.get_type_name() == "FakeQuantize"
    return quantised and node.get_element_type() in (openvino.Type.i8, openvino.Type.u8)
