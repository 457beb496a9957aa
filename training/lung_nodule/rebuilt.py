"""PyTorch networks with the weights of a packed model, for comparisons with PyTorch.

Only OpenVINO's graph is kept of a trained network. Its operations carry the path of the module that they came from, and
batch norm is folded into the convolution before it. Here the folded weights go into the convolution and the folded bias
into the batch norm, which is otherwise the identity: eager PyTorch runs every operation that the network was defined
with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import openvino
import torch
from torch import Tensor, nn

from firstread.engine import ModelPackage
from firstread.engine.graph import read_graph
from training.lung_nodule.networks import CandidateNetwork, Detector, LungNetwork

NETWORKS: dict[str, type[nn.Module]] = {
    "segmentation": LungNetwork,
    "detection": Detector,
    "candidate": CandidateNetwork,
}
"""By the task that a package's manifest names."""
ONLY_IN_TRAINING = ("cover",)
"""Starts of the names of modules that do not run after training, and are in no package."""
_PATH = re.compile(r"__module\.network\.(?P<path>[\w.]+)/")

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Layer:
    """A convolution or matrix product with the bias added to it.

    Attributes:
        path: Of the module that added the bias: the layer itself, or the batch norm behind it.
        weight: As PyTorch keeps it: outputs first.
        bias: One number an output.
    """

    path: str
    weight: Array
    bias: Array


def rebuilt(package: ModelPackage) -> nn.Module:
    """Return the PyTorch network of a package, in FP32 and evaluation mode; it takes HU and returns a dict.

    Raises:
        ValueError: the package is not of one of the three networks, or its graph names other layers than they have.
    """
    task = package.manifest.task
    if task not in NETWORKS:
        raise ValueError(f"{package.name} is for {task}; PyTorch networks exist for {', '.join(NETWORKS)}")
    network = NETWORKS[task]()
    modules = dict(network.named_modules())
    waiting = {path for path, module in modules.items() if _has_weights(path, module)}
    with torch.no_grad():
        for layer in _layers(read_graph(package, "f32")):
            for path in _filled(modules, layer, package.name):
                waiting.discard(path)
    if waiting:
        raise ValueError(f"{package.folder / 'f32.xml'} has no weights for {', '.join(sorted(waiting))}")
    return network.eval()


def _has_weights(path: str, module: nn.Module) -> bool:
    return isinstance(module, (nn.Conv3d, nn.BatchNorm3d, nn.Linear)) and not path.startswith(
        ONLY_IN_TRAINING
    )


def _layers(model: openvino.Model) -> Iterator[_Layer]:
    """Yield the layers of a graph; a layer's name is that of the addition behind it, which no folding renames."""
    for op in model.get_ordered_ops():
        kind = op.get_type_name()
        if kind not in ("Convolution", "MatMul"):
            continue
        behind = [port.get_node() for port in op.output(0).get_target_inputs()]
        found = _PATH.match(behind[0].get_friendly_name())
        if len(behind) != 1 or behind[0].get_type_name() != "Add" or found is None:
            raise ValueError(
                f"no bias is added behind {op.get_friendly_name()}: it cannot be told which layer it is"
            )
        weight = _constant(op, 1)
        if kind == "MatMul" and not op.get_attributes()["transpose_b"]:
            weight = weight.T
        sides = (side for side in (0, 1) if behind[0].input_value(side).get_node() != op)
        yield _Layer(found["path"], weight, _constant(behind[0], next(sides)).reshape(-1))


def _constant(op: openvino.Node, side: int) -> Array:
    node = op.input_value(side).get_node()
    if node.get_type_name() == "Convert":  # weights that were packed in half the bytes
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        raise ValueError(f"{op.get_friendly_name()} has a {node.get_type_name()} where its weights should be")
    return np.array(node.get_data(dtype=np.float32), np.float32)


def _filled(modules: dict[str, nn.Module], layer: _Layer, package: str) -> list[str]:
    """Put the weights of a layer into its module, and its bias into the batch norm behind it; return their paths."""
    module = modules.get(layer.path)
    if isinstance(module, nn.BatchNorm3d):
        parent, _, place = layer.path.rpartition(".")
        before = f"{parent}.{int(place) - 1}"
        _copy(modules[before].weight, layer.weight, before)
        module.running_mean.zero_()
        module.running_var.fill_(1 - module.eps)  # the variance that it divides by is then 1
        module.weight.fill_(1)
        _copy(module.bias, layer.bias, layer.path)
        return [before, layer.path]
    if isinstance(module, (nn.Conv3d, nn.Linear)):
        # A matrix of one row is packed as a vector.
        _copy(module.weight, layer.weight.reshape(module.weight.shape), layer.path)
        _copy(module.bias, layer.bias, layer.path)
        return [layer.path]
    raise ValueError(f"{package} has a layer {layer.path}, which the network of training/ does not have")


def _copy(into: Tensor, values: Array, path: str) -> None:
    if tuple(into.shape) != values.shape:
        raise ValueError(
            f"{path} has shape {tuple(into.shape)} in the network and {values.shape} in the package"
        )
    into.copy_(torch.from_numpy(values))
