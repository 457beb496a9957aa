"""A RetinaNet on a 3-D ResNet with a feature pyramid, built of OpenVINO operations from its weights.

Source: MONAI 1.6, monai.apps.detection.networks.retinanet_network, monai.networks.nets.resnet and
monai.networks.blocks.feature_pyramid_network, whose names the weights have. Batch norms are folded into convolutions.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstread.engine.conversion.detector_bundle import DetectorBundle, Triple
from firstread.engine.conversion.weights import Weights
from firstread.errors import RefusedInput

if TYPE_CHECKING:
    import openvino

Array = npt.NDArray[Any]
_EPSILON = 1e-5
_GROUPS = 8
_DEPTH = 4
_BODY, _FPN = "feature_extractor.body.", "feature_extractor.fpn."


def retinanet_graph(
    path: Path, weights: Weights, design: DetectorBundle, *, batch: int, window: Triple
) -> tuple["openvino.Model", tuple[str, ...]]:
    """Return the graph and the names of its outputs: classification_N for each level, then box_regression_N.

    Args:
        path: For messages: where the weights came from.
        weights: By their names in MONAI's RetinaNet.
        design: What the bundle says of the network.
        batch: Samples a run.
        window: Voxels along the network's axes.

    Raises:
        RefusedInput: weights are missing, of another shape, or left over.
    """
    import openvino
    from openvino import opset13 as op

    made = _Maker(path, weights)
    image = op.parameter([batch, 1, *window], np.float32, name="image")
    node = op.relu(made.convolution(image, f"{_BODY}conv1", norm=f"{_BODY}bn1", stride=design.stem_stride))
    node = made.pooled(node, kernel=3, pad=1)
    features = []
    for layer in design.layers:
        for number in made.blocks(f"{_BODY}layer{layer}."):
            stride = 2 if layer > 1 and number == 0 else 1
            node = made.block(node, f"{_BODY}layer{layer}.{number}.", stride=stride)
        features.append(node)

    levels: list[Any] = []
    above = None
    for number in reversed(range(len(features))):
        lateral = made.convolution(features[number], f"{_FPN}inner_blocks.{number}")
        above = lateral if above is None else op.add(lateral, made.enlarged(above))
        levels.insert(0, made.convolution(above, f"{_FPN}layer_blocks.{number}"))
    levels.append(made.pooled(levels[-1], kernel=1, pad=0))

    heads = (
        ("classification", "classification_head.", "cls_logits"),
        ("box_regression", "regression_head.", "bbox_reg"),
    )
    outputs, names = [], []
    for (name, head, last), numbers in zip(heads, (1, 6), strict=True):
        made.expect(f"{head}{last}", numbers * len(design.anchors))
        for number, level in enumerate(levels):
            node = level
            for place in range(_DEPTH):
                node = made.convolution(node, f"{head}conv.{3 * place}")
                node = op.relu(made.group_norm(node, f"{head}conv.{3 * place + 1}"))
            outputs.append(op.result(made.convolution(node, f"{head}{last}")))
            names.append(f"{name}_{number}")
    made.nothing_left()
    return openvino.Model(outputs, [image], "retinanet"), tuple(names)


class _Maker:
    """Makes operations from weights, and remembers which it has used."""

    def __init__(self, path: Path, weights: Weights) -> None:
        self._path, self._weights = path, weights
        self._used: set[str] = set()

    def take(self, name: str, *, axes: int) -> Array:
        if name not in self._weights:
            raise self._unfit(f"it has no weights {name}")
        values = self._weights[name]
        if values.ndim != axes:
            raise self._unfit(f"{name} has {values.ndim} axes, not {axes}")
        self._used.add(name)
        return values

    def expect(self, name: str, channels: int) -> None:
        """Make sure that a convolution gives so many channels.

        Raises:
            RefusedInput: it gives others.
        """
        found = len(self.take(f"{name}.weight", axes=5))
        if found != channels:
            raise self._unfit(f"{name} gives {found} channels, and its anchors want {channels}")

    def blocks(self, prefix: str) -> range:
        """Return the numbers of a layer's blocks."""
        found = {name[len(prefix) :].partition(".")[0] for name in self._weights if name.startswith(prefix)}
        return range(len(found))

    def convolution(self, node: Any, name: str, *, norm: str | None = None, stride: int | Triple = 1) -> Any:  # noqa: ANN401
        """Return a convolution that keeps the size but for its stride, with the batch norm `norm` folded in."""
        from openvino import opset13 as op

        kernel = self.take(f"{name}.weight", axes=5)
        bias = self.take(f"{name}.bias", axes=1) if f"{name}.bias" in self._weights else None
        if norm is not None:
            scale, shift = self._batch_norm(norm, len(kernel))
            kernel = kernel * scale[:, None, None, None, None]
            bias = shift if bias is None else bias * scale + shift
        entering = node.output(0).get_partial_shape()[1].get_length()
        if kernel.shape[1] != entering or (bias is not None and len(bias) != len(kernel)):
            raise self._unfit(f"{name} takes {kernel.shape[1]} channels and is given {entering}")
        strides = [stride] * 3 if isinstance(stride, int) else list(stride)
        pads = [size // 2 for size in kernel.shape[2:]]
        made = op.convolution(node, op.constant(_f32(kernel)), strides, pads, pads, [1] * 3)
        return made if bias is None else op.add(made, op.constant(_f32(bias.reshape(1, -1, 1, 1, 1))))

    def block(self, node: Any, name: str, *, stride: int) -> Any:  # noqa: ANN401
        """Return a residual block: a bottleneck of three convolutions where a third is there, else of two."""
        from openvino import opset13 as op

        strides = (1, stride, 1) if f"{name}conv3.weight" in self._weights else (stride, 1)
        made = node
        for number, step in enumerate(strides, start=1):
            made = self.convolution(made, f"{name}conv{number}", norm=f"{name}bn{number}", stride=step)
            if number < len(strides):
                made = op.relu(made)
        shortcut = node
        if f"{name}downsample.0.weight" in self._weights:
            shortcut = self.convolution(
                node, f"{name}downsample.0", norm=f"{name}downsample.1", stride=stride
            )
        if made.output(0).get_partial_shape() != shortcut.output(0).get_partial_shape():
            raise self._unfit(f"{name} adds maps of different shapes")
        return op.relu(op.add(made, shortcut))

    def group_norm(self, node: Any, name: str) -> Any:  # noqa: ANN401
        """Return a group norm, whose mean and variance are those of the whole window."""
        from openvino import opset13 as op

        scale, shift = (self.take(f"{name}.{part}", axes=1) for part in ("weight", "bias"))
        if len(scale) != node.output(0).get_partial_shape()[1].get_length() or len(scale) % _GROUPS:
            raise self._unfit(f"{name} does not fit the channels before it")
        return op.group_normalization(
            node, op.constant(_f32(scale)), op.constant(_f32(shift)), _GROUPS, _EPSILON
        )

    def pooled(self, node: Any, *, kernel: int, pad: int) -> Any:  # noqa: ANN401
        """Return the maxima of every second place."""
        from openvino import opset1 as op  # with one output; later ones also give indices

        return op.max_pool(node, [2] * 3, [pad] * 3, [pad] * 3, [kernel] * 3, "floor")

    def enlarged(self, node: Any) -> Any:  # noqa: ANN401
        """Return a map with every voxel repeated along each axis, as torch's nearest interpolation does it."""
        from openvino import opset13 as op

        return op.interpolate(
            node,
            np.full(3, 2, np.float32),
            "nearest",
            "scales",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
            axes=np.array([2, 3, 4], np.int64),
        )

    def nothing_left(self) -> None:
        """Make sure that every weight was used.

        Raises:
            RefusedInput: one was not, so that the network is another than was built.
        """
        left = sorted(
            name
            for name in self._weights
            if name not in self._used and not name.endswith("num_batches_tracked")
        )
        if left:
            raise self._unfit(f"it has weights that such a network lacks: {', '.join(left[:3])}")

    def _batch_norm(self, name: str, channels: int) -> tuple[Array, Array]:
        weight, bias, mean, variance = (
            self.take(f"{name}.{part}", axes=1) for part in ("weight", "bias", "running_mean", "running_var")
        )
        if len({channels, len(weight), len(bias), len(mean), len(variance)}) != 1:
            raise self._unfit(f"{name} does not fit the channels before it")
        scale = weight / np.sqrt(variance.astype(float) + _EPSILON)
        return scale, bias - mean * scale

    def _unfit(self, what: str) -> RefusedInput:
        return RefusedInput(
            f"{self._path} does not fit a RetinaNet on a 3-D ResNet: {what}.",
            remedy="Fetch configs/ and models/ of one version of the bundle.",
        )


def _f32(values: Array) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
