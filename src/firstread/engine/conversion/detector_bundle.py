"""A MONAI Bundle that holds a RetinaNetDetector: its design, its preprocessing, its selection of boxes."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstread.engine.conversion.bundle_config import INFERENCE, BundleConfig, Call
from firstread.engine.manifest import Millimetres
from firstread.engine.table import Length

Triple = tuple[int, int, int]
_M = TypeVar("_M", bound=BaseModel)
# Of MONAI's resnet: what changes no operation, or is told by the weights' shapes.
_HARMLESS = {"num_classes", "feed_forward", "pretrained", "progress", "widen_factor", "bias_downsample"}
_SELECTION = (
    "score_thresh",
    "topk_candidates_per_level",
    "nms_thresh",
    "detections_per_img",
    "apply_sigmoid",
)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Anchors(_Read):
    feature_map_scales: tuple[float, ...] = Field(min_length=1, max_length=8)
    base_anchor_shapes: tuple[tuple[float, float, float], ...] = Field(min_length=1, max_length=64)


class _Network(_Read):
    spatial_dims: int
    num_classes: int
    num_anchors: int
    size_divisible: Length | tuple[Length, Length, Length] = 1


class _Selection(_Read):
    score_thresh: float = 0.05
    topk_candidates_per_level: int = 1000
    nms_thresh: float = 0.5
    detections_per_img: int = 300
    apply_sigmoid: bool = True


class _Coder(_Read):
    weights: tuple[float, float, float, float, float, float] = (1.0,) * 6


class _Scale(_Read):
    a_min: float
    a_max: float
    b_min: float
    b_max: float
    clip: bool


class _Orientation(_Read):
    axcodes: str


class _Spacing(_Read):
    pixdim: tuple[Millimetres, Millimetres, Millimetres]


class _Stem(_Read):
    spatial_dims: int = 3
    n_input_channels: int = 3
    conv1_t_size: Length | tuple[Length, Length, Length] = 7
    conv1_t_stride: Length | tuple[Length, Length, Length] = 1
    shortcut_type: str = "B"
    no_max_pool: bool = False


class _Windows(_Read):
    roi_size: tuple[Length, Length, Length]
    overlap: float = Field(default=0.25, ge=0, lt=1)


@dataclass(frozen=True)
class DetectorBundle:
    """What such a bundle says; three numbers are along the network's axes.

    Attributes:
        anchors: Edges of the base anchors, voxels.
        scales: Of the anchors, by level.
        layers: Of the ResNet, whose maps enter the pyramid, e.g. (1, 2); the last level is pooled from them.
        stem_size: Kernel of the first convolution.
        stem_stride: Its stride.
        size_divisible: Windows are multiples of these.
        box_weights: Of the box coder.
        score_threshold: Below it there is no box.
        most_per_level: Boxes of a level before suppression.
        nms_overlap: Of suppression.
        most_boxes: Boxes in all.
        axes: Directions of the axes, e.g. RAS.
        spacing_mm: Of the network's voxels.
        window_hu: What is clipped and scaled.
        scaled_to: What its ends become.
        window: What MONAI slides, voxels.
        overlap: Of its windows.
    """

    anchors: tuple[tuple[float, float, float], ...]
    scales: tuple[float, ...]
    layers: tuple[int, ...]
    stem_size: Triple
    stem_stride: Triple
    size_divisible: Triple
    box_weights: tuple[float, ...]
    score_threshold: float
    most_per_level: int
    nms_overlap: float
    most_boxes: int
    axes: str
    spacing_mm: tuple[float, float, float]
    window_hu: tuple[float, float]
    scaled_to: tuple[float, float]
    window: Triple
    overlap: float


def is_detector(folder: Path) -> bool:
    """Tell whether a folder is a bundle whose inference configuration names MONAI's RetinaNetDetector."""
    path = folder / INFERENCE
    return path.is_file() and b"RetinaNetDetector" in path.read_bytes()[: 1 << 20]


def read_detector(folder: Path) -> DetectorBundle:
    """Read the inference configuration of a detector's bundle.

    Raises:
        RefusedInput: it is missing, or says something else than a RetinaNetDetector of one class on a 3-D ResNet.
    """
    config = BundleConfig(folder)
    anchors = _read(config, "anchor_generator", _Anchors, config.get("anchor_generator"))
    network = _read(config, "network_def", _Network, config.get("network_def"))
    if (network.spatial_dims, network.num_classes) != (3, 1):
        raise config.unfit(
            f"its network has {network.spatial_dims} axes and {network.num_classes} classes, not 3 and 1"
        )
    if network.num_anchors != len(anchors.base_anchor_shapes):
        raise config.unfit(
            f"its network has {network.num_anchors} anchors, its generator {len(anchors.base_anchor_shapes)}"
        )
    layers = _layers(config)
    if len(anchors.feature_map_scales) != len(layers) + 1:
        raise config.unfit(
            f"it has anchors for {len(anchors.feature_map_scales)} levels; {len(layers)} layers and a pooled one give "
            f"{len(layers) + 1}"
        )
    stem = _stem(config)
    selection, box_weights, windows = _operations(config)
    scale = _read(config, "ScaleIntensityRanged", _Scale, config.transform("ScaleIntensityRanged"))
    if not scale.clip or scale.a_min >= scale.a_max:
        raise config.unfit("ScaleIntensityRanged does not clip a range of HU")
    orientation = _read(config, "Orientationd", _Orientation, config.transform("Orientationd"))
    spacing = _read(config, "Spacingd", _Spacing, config.transform("Spacingd"))
    return DetectorBundle(
        anchors=anchors.base_anchor_shapes,
        scales=anchors.feature_map_scales,
        layers=layers,
        stem_size=_triple(stem.conv1_t_size),
        stem_stride=_triple(stem.conv1_t_stride),
        size_divisible=_triple(network.size_divisible),
        box_weights=box_weights,
        score_threshold=selection.score_thresh,
        most_per_level=selection.topk_candidates_per_level,
        nms_overlap=selection.nms_thresh,
        most_boxes=selection.detections_per_img,
        axes=orientation.axcodes,
        spacing_mm=spacing.pixdim,
        window_hu=(scale.a_min, scale.a_max),
        scaled_to=(scale.b_min, scale.b_max),
        window=windows.roi_size,
        overlap=windows.overlap,
    )


def _stem(config: BundleConfig) -> _Stem:
    call = config.call("backbone")
    if not re.fullmatch(r"resnet\d+", call.name):
        raise config.unfit(f"its backbone is {call.name}, not one of MONAI's resnet functions")
    stem = _read(config, "backbone", _Stem, call.named)
    unknown = sorted(call.named.keys() - _Stem.model_fields.keys() - _HARMLESS)
    if call.positional or unknown or (stem.spatial_dims, stem.n_input_channels) != (3, 1):
        raise config.unfit(f"its backbone is not of three axes and one channel alone {unknown or ''}".strip())
    if stem.shortcut_type != "B" or stem.no_max_pool:
        raise config.unfit("its backbone has other shortcuts than B, or no pooling")
    return stem


def _layers(config: BundleConfig) -> tuple[int, ...]:
    call = config.call("feature_extractor")
    told = call.named.get("returned_layers", call.positional[3] if len(call.positional) > 3 else (1, 2, 3))
    if call.name != "resnet_fpn_feature_extractor" or not isinstance(told, (list, tuple)):
        raise config.unfit(
            "its feature_extractor is not resnet_fpn_feature_extractor with the returned layers"
        )
    layers = tuple(told)
    if layers != tuple(range(1, len(layers) + 1)) or not 1 <= len(layers) <= 4:
        raise config.unfit(f"its pyramid is made of the layers {list(layers)}, not of 1 to at most 4")
    return layers


def _operations(config: BundleConfig) -> tuple[_Selection, tuple[float, ...], _Windows]:
    """Read what detector_ops set."""
    selection: dict[str, Any] = {}
    coder: dict[str, Any] = {}
    windows: Call | None = None
    for call in config.calls("detector_ops"):
        if call.name == "set_box_selector_parameters":
            selection = dict(zip(_SELECTION, call.positional, strict=False)) | call.named
        elif call.name == "set_box_coder_weights":
            coder = dict(zip(("weights",), call.positional, strict=False)) | call.named
        elif call.name == "set_sliding_window_inferer":
            windows = call
    if windows is None:
        raise config.unfit("detector_ops set no sliding window")
    chosen = _read(config, "set_box_selector_parameters", _Selection, selection)
    if not chosen.apply_sigmoid:
        raise config.unfit("its scores are no sigmoid")
    weights = _read(config, "set_box_coder_weights", _Coder, coder).weights
    return chosen, weights, _read(config, "set_sliding_window_inferer", _Windows, windows.named)


def _read(config: BundleConfig, name: str, model: type[_M], told: object) -> _M:
    try:
        return model.model_validate(told)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        raise config.unfit(f"{where}: {first['msg']}") from None


def _triple(value: int | Triple) -> Triple:
    return (value, value, value) if isinstance(value, int) else value
