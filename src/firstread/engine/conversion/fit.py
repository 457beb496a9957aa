"""Make a stranger's graph one of a package: HU in, our axes, names, a static shape, float32."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstread.engine.axes import Axes
from firstread.engine.graph import brief, unreal_weight
from firstread.engine.manifest import Output
from firstread.errors import RefusedInput

if TYPE_CHECKING:
    import openvino

INPUT = "hu"
_SHAPES = "A package's network takes [batch, 1, z, y, x]; see docs/reference/model-package.md."


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
            strides = [-(-size // cells) for size, cells in zip(patch, sizes[2:], strict=True)]
            fits = all(
                -(-size // step) == cells for size, step, cells in zip(patch, strides, sizes[2:], strict=True)
            )
            # Turned, the cells would begin at the wrong end of a tile that they do not divide.
            whole = all(size % step == 0 for size, step in zip(patch, strides, strict=True))
            if fits and (whole or not any(axes.turned)):
                z, y, x = axes.to_ours(strides)
                return Output(channels=sizes[1], stride=z if z == y == x else (z, y, x))
    raise _shape(
        path,
        f"its output {name} has shape {shape}, neither [{batch}, channels] nor [{batch}, channels, z, y, x] of the "
        f"tile {list(patch)} at one stride along each axis",
    )


def _shape(path: Path, what: str) -> RefusedInput:
    return RefusedInput(f"{path} does not fit: {what}.", remedy=_SHAPES)
