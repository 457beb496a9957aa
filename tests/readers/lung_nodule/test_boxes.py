import math
from types import SimpleNamespace

import numpy as np
import pytest

from firstread.engine import RetinaNet
from firstread.readers.lung_nodule.boxes import (
    Boxes,
    anchor_centres,
    anchor_edges,
    boxes_of,
    overlaps,
    suppressed,
)

LEVELS = (
    {"classification": "c0", "regression": "r0"},
    {"classification": "c1", "regression": "r1", "scale": 2},
)
ANCHORS = ((6, 8, 4), (8, 6, 5), (10, 10, 6))
SHAPE = (16, 48, 32)
STRIDES = {"c0": (2, 4, 4), "r0": (2, 4, 4), "c1": (4, 8, 8), "r1": (4, 8, 8)}


def decoding(**more) -> RetinaNet:
    told = {"kind": "retinanet", "anchors": ANCHORS, "levels": LEVELS, "axes": "RAS", "score_threshold": 0.02}
    return RetinaNet.model_validate(told | {"nms_overlap": 0.22} | more)


def empty_maps(shape=SHAPE, anchors=3):
    maps = {}
    for name, strides in STRIDES.items():
        channels = anchors if name.startswith("c") else 6 * anchors
        value = -20.0 if name.startswith("c") else 0.0
        maps[name] = np.full(
            (channels, *(n // s for n, s in zip(shape, strides, strict=True))), value, np.float32
        )
    return maps


def random_maps(seed=0):
    """Maps with some tens of boxes above the threshold, many of which overlap."""
    rng = np.random.default_rng(seed)
    maps = {name: values.copy() for name, values in empty_maps().items()}
    for name, values in maps.items():
        if name.startswith("c"):
            values[:] = rng.normal(-6.5, 2, values.shape)
        else:
            values[:] = rng.normal(0, 0.4, values.shape)
    return maps


def test_half_an_anchor_is_rounded_to_whole_voxels_and_a_half_to_the_even_number():
    first, second = decoding().levels
    np.testing.assert_array_equal(anchor_edges(decoding(), first), [[6, 8, 4], [8, 6, 4], [10, 10, 6]])
    np.testing.assert_array_equal(anchor_edges(decoding(), second), [[12, 16, 8], [16, 12, 10], [20, 20, 12]])


def test_anchors_of_a_turned_axis_are_counted_from_its_other_end():
    # Eight voxels, two cells: MONAI has them at 2 and 6; counted from the other end, 7 - 6 and 7 - 2.
    cells = np.array([0, 1])
    assert anchor_centres(cells, 4, turned=False).tolist() == [2, 6]
    assert anchor_centres(cells, 4, turned=True).tolist() == [1, 5]


def test_one_anchor_becomes_the_box_that_its_offsets_say():
    maps = empty_maps()
    z, y, x = 3, 6, 4
    maps["c0"][0, z, y, x] = 1.5
    # Anchor 0 is 6, 8, 4 voxels to the right, to the front and up; x and y of the package grow the other way.
    maps["r0"][:6, z, y, x] = [0.5, 0.25, -0.5, math.log(2), 0, math.log(0.5)]
    found = boxes_of(maps, decoding(), STRIDES, SHAPE)
    assert found.logits.tolist() == [1.5]
    centre = [z * 2 + 1 - 0.5 * 4, (y * 4 + 1) - 0.25 * 8, (x * 4 + 1) - 0.5 * 6]
    np.testing.assert_allclose(found.centres[0], centre)
    np.testing.assert_allclose(found.upper[0] - found.lower[0], [2, 8, 12], rtol=1e-6)


def test_weights_of_the_box_coder_divide_offsets_and_an_edge_grows_no_further_than_torchvisions_limit():
    maps = empty_maps()
    maps["c0"][0, 4, 6, 4] = 0.0
    maps["r0"][:6, 4, 6, 4] = [2, 0, 0, 0, 0, 100]
    weighted = decoding(axes="SPL", box_weights=(2, 1, 1, 1, 1, 20))
    huge = decoding(axes="SPL")
    (box,) = boxes_of(maps, weighted, STRIDES, (64, 64, 512)).lower
    assert box[0] == 4 * 2 + 1 + 6 - 3
    edge = 4 * math.exp(min(100 / 20, math.log(1000 / 16)))
    assert box[2] == pytest.approx(max(4 * 4 + 2 - edge / 2, 0))
    upper = boxes_of(maps, huge, STRIDES, (64, 64, 512)).upper[0]
    assert upper[2] == pytest.approx(4 * 4 + 2 + 4 * (1000 / 16) / 2)


def test_boxes_are_cut_at_the_border_and_dropped_when_less_than_a_voxel_is_left():
    maps = empty_maps()
    maps["c0"][0, 0, 0, 0] = 1.0  # x: centre 1, half an edge of 3, of which -1 is the outermost
    maps["c0"][0, 5, 6, 7] = 2.0
    maps["r0"][0, 5, 6, 7] = -1.4  # moved to the left, beyond the last column but for 0.6 voxels
    found = boxes_of(maps, decoding(), STRIDES, SHAPE)
    assert len(found) == 1
    np.testing.assert_allclose(found.lower[0], [0, -1, -1])
    np.testing.assert_allclose(found.upper[0], [3, 5, 4])


def boxes(*rows):
    lower, upper, logits = zip(*rows, strict=True)
    return Boxes(np.array(lower, float), np.array(upper, float), np.array(logits, float))


def test_overlap_is_the_intersection_over_the_union():
    pair = boxes(((0, 0, 0), (2, 2, 2), 0), ((5, 5, 5), (6, 6, 6), 0))
    one = boxes(((1, 0, 0), (3, 2, 2), 0))
    np.testing.assert_allclose(overlaps(pair, one), [4 / 12, 0])


def test_of_overlapping_boxes_the_likeliest_stays_and_what_only_a_dropped_one_overlaps_stays_too():
    found = boxes(
        ((0, 0, 0), (10, 10, 10), 1.0),
        ((4, 0, 0), (14, 10, 10), 3.0),
        ((8, 0, 0), (18, 10, 10), 2.0),
        ((0, 0, 20), (10, 10, 30), 0.5),
    )
    # Neighbours share 6/14; the outer two 2/18. The middle one is likeliest and drops both.
    assert suppressed(found, overlap=0.22, most=10).logits.tolist() == [3.0, 0.5]
    assert suppressed(found, overlap=6 / 14 + 1e-9, most=10).logits.tolist() == [3.0, 2.0, 1.0, 0.5]
    assert suppressed(found, overlap=0.5, most=2).logits.tolist() == [3.0, 2.0]


def test_each_level_keeps_only_its_likeliest_and_none_at_or_below_the_threshold():
    maps = random_maps() | {name: values for name, values in empty_maps().items() if name.startswith("r")}
    likely = boxes_of(maps, decoding(most_per_level=3, nms_overlap=1), STRIDES, SHAPE)
    assert len(likely) == 6
    expected = np.concatenate([np.sort(maps[name].ravel())[-3:] for name in ("c0", "c1")])
    np.testing.assert_allclose(np.sort(likely.logits), np.sort(expected))
    threshold = 1 / (1 + math.exp(-float(likely.logits[3])))
    some = boxes_of(maps, decoding(score_threshold=threshold, nms_overlap=1), STRIDES, SHAPE)
    assert (some.logits > likely.logits[3] - 1e-5).all()


def test_nothing_above_the_threshold_gives_no_box():
    found = boxes_of(empty_maps(), decoding(), STRIDES, SHAPE)
    assert len(found) == 0
    assert found.centres.shape == (0, 3)


@pytest.mark.parametrize("seed", range(3))
def test_the_boxes_are_those_of_monais_detector_on_the_same_maps(seed):
    torch = pytest.importorskip("torch", reason="PyTorch comes with the extras train, convert and bench only")
    pytest.importorskip("monai", reason="MONAI comes with the extra bench only")
    from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
    from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape

    maps = random_maps(seed)
    seen = {name: torch.from_numpy(monais(values)[None]) for name, values in maps.items()}

    class Maps(torch.nn.Module):
        def forward(self, images):
            return {
                "classification": [seen["c0"], seen["c1"]],
                "box_regression": [seen["r0"], seen["r1"]],
            }

    network = Maps()
    network.__dict__ |= vars(
        SimpleNamespace(
            spatial_dims=3,
            num_classes=1,
            size_divisible=1,
            cls_key="classification",
            box_reg_key="box_regression",
        )
    )
    detector = RetinaNetDetector(network, AnchorGeneratorWithAnchorShape((1, 2), ANCHORS)).eval()
    detector.set_box_selector_parameters(
        score_thresh=0.02, topk_candidates_per_level=40, nms_thresh=0.22, detections_per_img=30
    )
    detector.set_box_coder_weights((2.0, 2.0, 2.0, 1.0, 1.0, 1.0))
    with torch.inference_mode():
        (theirs,) = detector(torch.zeros(1, 1, *SHAPE[::-1]))
    ours = boxes_of(
        maps,
        decoding(most_per_level=40, most_boxes=30, box_weights=(2, 2, 2, 1, 1, 1)),
        STRIDES,
        SHAPE,
    )
    assert 10 < len(ours) <= 30
    np.testing.assert_allclose(1 / (1 + np.exp(-ours.logits)), theirs["labels_scores"].numpy(), atol=1e-6)
    np.testing.assert_allclose(as_monais(ours), theirs["boxes"].numpy(), atol=1e-3)


def monais(values: np.ndarray) -> np.ndarray:
    """Turn a map [channels, z, y, x] in our axes to MONAI's: right, front, up."""
    return np.ascontiguousarray(values.transpose(0, 3, 2, 1)[:, ::-1, ::-1])


def as_monais(found: Boxes) -> np.ndarray:
    """Return our boxes as MONAI's xyzxyz."""
    size = np.array(SHAPE)[::-1]
    low, high = found.lower[:, ::-1].copy(), found.upper[:, ::-1].copy()
    for axis in (0, 1):
        low[:, axis], high[:, axis] = size[axis] - 1 - high[:, axis], size[axis] - 1 - low[:, axis]
    return np.concatenate([low, high], 1)
