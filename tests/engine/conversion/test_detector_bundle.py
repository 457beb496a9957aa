import json

import pytest

from benchmarks.engines.bundle_files import METADATA, inference
from firstread.engine.conversion.detector import decoding_of
from firstread.engine.conversion.detector_bundle import is_detector, read_detector
from firstread.errors import RefusedInput


@pytest.fixture
def bundle(tmp_path):
    """A function that writes the configuration of a bundle, with entries exchanged or, where None, left out."""

    def write(**changes):
        config = {name: value for name, value in (inference() | changes).items() if value is not None}
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs" / "inference.json").write_text(json.dumps(config))
        (tmp_path / "configs" / "metadata.json").write_text(json.dumps(METADATA))
        return tmp_path

    return write


def test_everything_that_the_configuration_says_is_read(bundle):
    folder = bundle()
    assert is_detector(folder)
    design = read_detector(folder)
    assert (design.anchors, design.scales) == (((6, 8, 4), (8, 6, 5), (10, 10, 6)), (1, 2, 4))
    assert (design.layers, design.stem_size, design.stem_stride) == ((1, 2), (7, 7, 7), (2, 2, 1))
    assert (design.score_threshold, design.nms_overlap) == (0.02, 0.22)
    assert (design.most_per_level, design.most_boxes, design.box_weights) == (1000, 300, (1,) * 6)
    assert (design.axes, design.spacing_mm) == ("RAS", (0.703125, 0.703125, 1.25))
    assert (design.window_hu, design.scaled_to) == ((-1024, 300), (0, 1))
    assert (design.window, design.overlap, design.size_divisible) == ((512, 512, 192), 0.25, (16, 16, 8))


def test_references_to_other_entries_are_followed_in_calls_too(bundle):
    operations = [
        *inference()["detector_ops"][:2],
        "$@detector.set_box_coder_weights(@coder)",
        "$@detector.set_sliding_window_inferer(roi_size=@patch,overlap=@share)",
    ]
    design = read_detector(
        bundle(detector_ops=operations, coder=[1, 2, 3, 4, 5, 6], patch=[64, 64, 32], share=0.5)
    )
    assert (design.box_weights, design.window, design.overlap) == ((1, 2, 3, 4, 5, 6), (64, 64, 32), 0.5)


def test_nothing_in_a_configuration_is_evaluated(bundle, tmp_path):
    evil = tmp_path / "evil"
    call = f"resnet50(spatial_dims=3,n_input_channels=1,conv1_t_size=open('{evil}','w'))"
    with pytest.raises(RefusedInput, match="conv1_t_size"):
        read_detector(bundle(backbone=f"$monai.networks.nets.resnet.{call}"))
    assert not evil.exists()


OPERATIONS = inference()["detector_ops"]
NETWORK = inference()["network_def"]
TRANSFORMS = inference()["preprocessing"]["transforms"]
RESNET = "$monai.networks.nets.resnet.resnet50"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network_def": None}, "has no network_def"),
        ({"network_def": NETWORK | {"num_classes": 2}}, "2 classes"),
        ({"network_def": NETWORK | {"num_anchors": 4}}, "4 anchors"),
        ({"network_def": "@network_def"}, "references do not end"),
        ({"anchor_generator": {"sizes": [[1]], "aspect_ratios": [[1]]}}, "feature_map_scales"),
        ({"anchor_generator": inference()["anchor_generator"] | {"feature_map_scales": [1, 2]}}, "2 levels"),
        ({"backbone": "$scripts.mine.densenet121(spatial_dims=3)"}, "densenet121"),
        ({"backbone": "$(lambda: 1)"}, "backbone is not one call|backbone is , not one"),
        ({"backbone": f"{RESNET}(spatial_dims=3,n_input_channels=2)"}, "one channel alone"),
        ({"backbone": f"{RESNET}(n_input_channels=1,act='elu')"}, "act"),
        ({"backbone": f"{RESNET}(n_input_channels=1,shortcut_type='A')"}, "shortcuts"),
        ({"feature_extractor": "$mine(@backbone,3,False,[1,2],None)"}, "resnet_fpn_feature_extractor"),
        ({"feature_extractor": "$resnet_fpn_feature_extractor(@backbone,3,False,[2,3])"}, r"\[2, 3\]"),
        ({"detector_ops": []}, "no sliding window"),
        ({"detector_ops": 3}, "not a list"),
        (
            {"detector_ops": ["$@detector.set_box_coder_weights(mine())", *OPERATIONS]},
            "set_box_coder_weights",
        ),
        (
            {"detector_ops": ["$@detector.set_box_coder_weights([1, 2])", *OPERATIONS]},
            "set_box_coder_weights",
        ),
        (
            {"detector_ops": ["$@detector.set_box_coder_weights({[]: 1})", *OPERATIONS]},
            "set_box_coder_weights",
        ),
        ({"preprocessing": {"transforms": 3}}, "0 steps ScaleIntensityRanged"),
        (
            {"detector_ops": ["$@detector.set_sliding_window_inferer(roi_size=[64,64])"]},
            "roi_size",
        ),
        ({"preprocessing": {"transforms": TRANSFORMS[:2]}}, "0 steps ScaleIntensityRanged"),
        ({"preprocessing": {"transforms": [*TRANSFORMS, TRANSFORMS[-1]]}}, "2 steps ScaleIntensityRanged"),
        ({"preprocessing": {"transforms": [*TRANSFORMS[:3], TRANSFORMS[3] | {"clip": False}]}}, "clip"),
    ],
)
def test_a_configuration_of_something_else_is_refused_by_name(bundle, changes, words):
    with pytest.raises(RefusedInput, match=words) as refused:
        read_detector(bundle(**changes))
    assert "inference.json" in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"a": ' + b"[" * 100_000])
def test_a_file_that_is_no_configuration_is_refused(bundle, content):
    folder = bundle()
    (folder / "configs" / "inference.json").write_bytes(content)
    with pytest.raises(RefusedInput, match="JSON"):
        read_detector(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"anchor_generator": inference()["anchor_generator"] | {"base_anchor_shapes": [[0, 1, 1]] * 3}},
            "anchors",
        ),
        ({"detector_ops": [op.replace("0.22", "22") for op in OPERATIONS]}, "nms_overlap"),
    ],
)
def test_numbers_that_no_detector_has_are_refused(bundle, changes, words):
    design = read_detector(bundle(**changes))
    with pytest.raises(RefusedInput, match=words):
        decoding_of(design, (80, 192, 192))
