"""Make a stranger's graph one of a package: HU in, our axes, names, a static shape, float32."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstread.engine.conversion.facts import OUR_AXES
from firstread.engine.graph import brief, unreal_weight
from firstread.engine.manifest import Output
from firstread.errors import RefusedInput, UsageError

if TYPE_CHECKING:
    import openvino

INPUT = "hu"
_OPPOSITE = {"S": "I", "I": "S", "P": "A", "A": "P", "L": "R", "R": "L"}
_SHAPES = "A package's network takes [batch, 1, z, y, x]; see docs/reference/model-package.md."


@dataclass(frozen=True)
class Axes:
    """How the network's three spatial axes lie in ours.

    Attributes:
        order: For each axis of the network, which of ours it is (0: z, 1: y, 2: x).
        turned: For each axis of the network, whether it grows the other way.
    """

    order: tuple[int, int, int]
    turned: tuple[bool, bool, bool]

    @classmethod
    def named(cls, letters: str) -> "Axes":
        """Read three letters, e.g. RAS: the first axis grows to the right, the second to the front, the third up.

        Raises:
            UsageError: they are not one each of S or I, P or A, L or R.
        """
        told = letters.upper()
        order = [n for letter in told for n, ours in enumerate(OUR_AXES) if letter in (ours, _OPPOSITE[ours])]
        if len(told) != 3 or sorted(order) != [0, 1, 2]:
            raise UsageError(
                f"{letters} does not name three axes.",
                remedy="Take one each of S or I, P or A, L or R, e.g. RAS.",
            )
        turned = tuple(letter not in OUR_AXES for letter in told)
        return cls(order=(order[0], order[1], order[2]), turned=(turned[0], turned[1], turned[2]))

    def of_network(self, ours: Sequence[int]) -> tuple[int, int, int]:
        """Return three numbers for z, y, x in the network's order."""
        return ours[self.order[0]], ours[self.order[1]], ours[self.order[2]]

    def to_ours(self, theirs: Sequence[int]) -> tuple[int, int, int]:
        """Return three numbers in the network's order as z, y, x."""
        z, y, x = (theirs[self.order.index(n)] for n in range(3))
        return z, y, x


def exported_patch(path: Path, model: "openvino.Model", axes: Axes) -> tuple[int, int, int]:
    """Return the tile z, y, x that a graph was exported for.

    Raises:
        RefusedInput: its shape is dynamic, or not that of a volume.
    """
    shape = _input(path, model).get_partial_shape()
    if shape.rank.is_dynamic or shape.rank.get_length() != 5 or any(shape[n].is_dynamic for n in (2, 3, 4)):
        raise RefusedInput(
            f"{path} does not say how large a tile is: its input has shape {shape}.",
            remedy="Give it with --patch Z Y X.",
        )
    return axes.to_ours([shape[n].get_length() for n in (2, 3, 4)])


def fit(
    path: Path,
    model: "openvino.Model",
    *,
    patch: tuple[int, int, int],
    batch: int,
    axes: Axes,
    window_hu: tuple[float, float] | None,
    scaled_to: tuple[float, float],
    names: Sequence[str] | None,
) -> tuple["openvino.Model", dict[str, Output]]:
    """Return the graph of a package and its outputs.

    Args:
        path: For messages: where the graph came from.
        model: As read; changed in place.
        patch: z, y, x of the tile.
        batch: Samples a run.
        axes: Of the network.
        window_hu: HU that become the ends of `scaled_to`; None: the network takes HU.
        scaled_to: Values that the network takes for them.
        names: Of the outputs, in order; None: those that the graph has.

    Raises:
        RefusedInput: input, outputs or weights are not what a package may have.
    """
    import openvino

    port = _input(path, model)
    if not port.get_element_type().is_real():
        raise _shape(path, f"its input is {port.get_element_type().get_type_name()}, not floating point")
    wanted = [batch, 1, *axes.of_network(patch)]
    if not port.get_partial_shape().compatible(openvino.PartialShape(wanted)):
        raise _shape(path, f"its input has shape {port.get_partial_shape()}, not {wanted}")
    try:
        model.reshape(openvino.PartialShape(wanted))
    except Exception as error:
        raise _shape(path, f"it cannot take shape {wanted}: {brief(error)}") from None
    unreal = unreal_weight(model)
    if unreal is not None:
        raise RefusedInput(
            f"{path} has a weight that is not a number, in {unreal}.",
            remedy="Train or export the network again.",
        )
    told = _names(path, model, names)
    outputs = {
        name: _output(path, name, model.output(n), batch=batch, patch=axes.of_network(patch), axes=axes)
        for n, name in enumerate(told)
    }
    return _wrapped(model, told, patch, batch, axes, window_hu, scaled_to), outputs


def _wrapped(
    model: "openvino.Model",
    names: Sequence[str],
    patch: tuple[int, int, int],
    batch: int,
    axes: Axes,
    window_hu: tuple[float, float] | None,
    scaled_to: tuple[float, float],
) -> "openvino.Model":
    """Put window and axes in front of the graph, and the axes back behind its maps."""
    import openvino
    from openvino import opset13 as op

    old = model.inputs[0]
    hu = op.parameter([batch, 1, *patch], np.float32, name=INPUT)
    hu.output(0).set_names({INPUT})
    node = hu
    if window_hu is not None:
        (low, high), (bottom, top) = window_hu, scaled_to
        slope = (top - bottom) / (high - low)
        node = op.clamp(node, low, high)
        node = op.add(op.multiply(node, np.float32(slope)), np.float32(bottom - low * slope))
    order = [2 + n for n in axes.order]
    if order != [2, 3, 4]:
        node = op.transpose(node, np.array([0, 1, *order], np.int64))
    node = _turned(node, axes)
    if old.get_element_type() != openvino.Type.f32:
        node = op.convert(node, old.get_element_type())
    for target in old.get_target_inputs():
        target.replace_source_output(node.output(0))
    results = []
    for name, result in zip(names, model.get_results(), strict=True):
        node = op.convert(result.input_value(0), np.float32)  # no work where it is float32 already
        if len(result.get_output_shape(0)) == 5:
            node = _turned(node, axes)
            if order != [2, 3, 4]:
                node = op.transpose(
                    node, np.array([0, 1, *(2 + axes.order.index(n) for n in range(3))], np.int64)
                )
        node.output(0).set_names({name})
        results.append(op.result(node))
    return openvino.Model(results, [hu], model.get_friendly_name())


def _turned(node: "openvino.Output", axes: Axes) -> "openvino.Output":
    from openvino import opset13 as op

    turned = [2 + n for n, is_turned in enumerate(axes.turned) if is_turned]
    if not turned:
        return node
    ones = np.ones(len(turned), np.int64)
    far = np.iinfo(np.int32).min
    return op.slice(node, -ones, ones * far, -ones, np.array(turned, np.int64))


def _input(path: Path, model: "openvino.Model") -> "openvino.Output":
    if len(model.inputs) != 1:
        raise _shape(path, f"it has {len(model.inputs)} inputs, not one")
    return model.inputs[0]


def _names(path: Path, model: "openvino.Model", names: Sequence[str] | None) -> tuple[str, ...]:
    count = len(model.outputs)
    if names is None:
        names = [min(port.get_names(), default=f"output{n}") for n, port in enumerate(model.outputs)]
    if len(names) != count or len(set(names)) != count:
        raise RefusedInput(
            f"{path} has {count} outputs, and the names are: {', '.join(names)}.",
            remedy="Give each output a name of its own with --outputs.",
        )
    return tuple(names)


def _output(
    path: Path, name: str, port: "openvino.Output", *, batch: int, patch: Sequence[int], axes: Axes
) -> Output:
    """Tell channels and stride of an output from its shape."""
    shape = port.get_partial_shape()
    if shape.is_static:
        sizes = list(shape.to_shape())
        if len(sizes) == 2 and sizes[0] == batch:
            return Output(channels=sizes[1], stride=0)
        if len(sizes) == 5 and sizes[0] == batch:
            stride = -(-patch[0] // sizes[2])
            fits = all(-(-size // stride) == cells for size, cells in zip(patch, sizes[2:], strict=True))
            # Turned, the cells would begin at the wrong end of a tile that they do not divide.
            whole = all(size % stride == 0 for size in patch) or not any(axes.turned)
            if fits and whole:
                return Output(channels=sizes[1], stride=stride)
    raise _shape(
        path,
        f"its output {name} has shape {shape}, neither [{batch}, channels] nor [{batch}, channels, z, y, x] of the "
        f"tile {list(patch)} at one stride",
    )


def _shape(path: Path, what: str) -> RefusedInput:
    return RefusedInput(f"{path} does not fit: {what}.", remedy=_SHAPES)
