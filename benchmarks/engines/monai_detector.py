"""MONAI's RetinaNet detector with random weights, as a Bundle on disk, where torchvision is not installed.

MONAI takes two things of torchvision for it: a container that hands out the maps of a ResNet's layers, and a check of
a number of layers to train. Both are supplied here, as torchvision documents them, and only where torchvision is absent
(it has no build for CPUs alone). The network and all post-processing are MONAI's own.
"""

import json
import re
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import monai.apps.detection.networks.retinanet_network as network_module
import monai.networks.blocks.backbone_fpn_utils as backbone_module
import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.networks.retinanet_network import RetinaNet, resnet_fpn_feature_extractor
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from monai.networks.nets import resnet
from torch import Tensor, nn

from benchmarks.engines.bundle_files import (
    ANCHORS,
    METADATA,
    OVERLAP,
    REAL,
    SCALES,
    SELECTION,
    SPACING_MM,
    STEPS,
    WINDOW,
    inference,
)


class LayerMaps(nn.ModuleDict):
    """The children of a network up to the last wanted one; gives the maps of the wanted ones by their new names."""

    def __init__(self, model: nn.Module, return_layers: dict[str, str]) -> None:
        wanted = dict(return_layers)
        kept: OrderedDict[str, nn.Module] = OrderedDict()
        for name, child in model.named_children():
            if not wanted:
                break
            kept[name] = child
            wanted.pop(name, None)
        super().__init__(kept)
        self.named = dict(return_layers)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Run the children in order."""
        maps: OrderedDict[str, Tensor] = OrderedDict()
        for name, child in self.items():
            x = child(x)
            if name in self.named:
                maps[self.named[name]] = x
        return maps


def _layers_to_train(_: bool, layers: int | None, max_value: int, default_value: int) -> int:
    return max_value if layers is None else layers  # nothing is trained here


def supply_torchvision() -> None:
    """Give MONAI what it misses where torchvision is not installed."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        parts = SimpleNamespace(_utils=SimpleNamespace(IntermediateLayerGetter=LayerMaps))
        backbone_module.torchvision_models = parts
        network_module._validate_trainable_layers = _layers_to_train


def random_network(backbone: str = REAL, *, seed: int = 0) -> RetinaNet:
    """Return MONAI's RetinaNet with random weights, in evaluation mode, some of whose anchors score above 0.2.

    Args:
        backbone: A call of a function of monai.networks.nets.resnet with literal arguments.
        seed: Of the weights, and of the batch norms' statistics.
    """
    supply_torchvision()
    torch.manual_seed(seed)
    name, arguments = re.fullmatch(r"(resnet\d+)\((.*)\)", backbone).groups()
    body = getattr(resnet, name)(**eval(f"dict({arguments})", {"__builtins__": {}, "dict": dict}))
    pyramid = resnet_fpn_feature_extractor(body, 3, False, [1, 2], None)
    network = RetinaNet(3, 1, len(ANCHORS), pyramid, size_divisible=STEPS)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    # As initialised, every anchor scores 0.01: no box. Spread the scores, and move the boxes.
    nn.init.normal_(network.classification_head.cls_logits.weight, std=0.05)
    nn.init.normal_(network.regression_head.bbox_reg.weight, std=0.005)
    return network.eval()


def detector_of(network: RetinaNet, *, window: tuple[int, int, int] = WINDOW) -> RetinaNetDetector:
    """Return MONAI's detector around a network, set up as the bundle does it; window: x, y, z."""
    detector = RetinaNetDetector(network, AnchorGeneratorWithAnchorShape(SCALES, ANCHORS)).eval()
    detector.set_box_selector_parameters(**SELECTION)
    detector.set_sliding_window_inferer(
        roi_size=window, overlap=OVERLAP, sw_batch_size=1, mode="constant", device="cpu"
    )
    return detector


def write_bundle(
    folder: Path,
    network: RetinaNet,
    *,
    backbone: str = REAL,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    weights: str = "model.safetensors",
) -> Path:
    """Write a network as a Bundle, laid out and configured like lung_nodule_ct_detection.

    Args:
        folder: To make.
        network: Whose weights.
        backbone: Its call, for the configuration.
        spacing_mm: That it takes, x, y, z.
        weights: model.safetensors, or model.pt, as torch.save writes a table of weights.
    """
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    for name, content in (("metadata", METADATA), ("inference", inference(backbone, spacing_mm=spacing_mm))):
        (folder / "configs" / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    if weights == "model.pt":
        torch.save(network.state_dict(), folder / "models" / weights)
    else:
        from safetensors.torch import save_file

        save_file(
            {name: value.contiguous() for name, value in network.state_dict().items()},
            folder / "models" / weights,
        )
    return folder
