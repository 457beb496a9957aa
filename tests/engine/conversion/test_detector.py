"""A bundle's RetinaNet as a package, held to MONAI's own detector on the same weights."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.engines.bundle_files import HU
from firstread.engine import Engine
from firstread.engine.conversion import Facts, convert
from firstread.engine.conversion.detector import decoding_of
from firstread.engine.conversion.detector_bundle import read_detector
from firstread.errors import RefusedInput, UsageError
from firstread.readers.lung_nodule.boxes import Boxes, boxes_of, overlaps
from firstread.readers.lung_nodule.retinanet import strides_of

torch = pytest.importorskip("torch", reason="PyTorch comes with the extras train, convert and bench only")
pytest.importorskip("monai", reason="MONAI comes with the extra bench only")
pytest.importorskip("safetensors", reason="safetensors comes with the extras train and convert only")

from benchmarks.engines.monai_detector import detector_of, random_network, write_bundle  # noqa: E402

STEM = "spatial_dims=3,n_input_channels=1,conv1_t_stride=[2,2,1],conv1_t_size=[7,7,7],widen_factor=0.125"
BASIC, BOTTLENECK = f"resnet10({STEM})", f"resnet50({STEM})"
PATCH = (16, 32, 48)
FACTS = Facts(name="net", task=None, patch=PATCH)


@pytest.fixture(scope="module")
def network():
    return random_network(BASIC)


@pytest.fixture
def bundle(network, tmp_path):
    return write_bundle(tmp_path / "bundle", network, backbone=BASIC)


@pytest.fixture(scope="module")
def expected(network, tmp_path_factory):
    """The scores of the package that is made of safetensors."""
    folder = tmp_path_factory.mktemp("safetensors")
    package = convert(write_bundle(folder / "bundle", network, backbone=BASIC), FACTS, out=folder / "out")
    return ours(package, hu()).logits


def hu(patch=PATCH) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1200, 500, (1, 1, *patch)).astype(np.float32)


def ours(package, image) -> Boxes:
    with Engine(precision="f32", threads=1) as engine:
        network = engine.network(package)
        decoding = package.manifest.decoding
        maps = {name: values[0] for name, values in network.infer(image).items()}
        return boxes_of(maps, decoding, strides_of(network, decoding), image.shape[2:])


def theirs(network, image) -> tuple[np.ndarray, np.ndarray]:
    """MONAI's boxes of the whole image (right, front, up; xyzxyz) and their scores."""
    scaled = (np.clip(image, *HU) - HU[0]) / (HU[1] - HU[0])
    seen = np.ascontiguousarray(scaled.transpose(0, 1, 4, 3, 2)[:, :, ::-1, ::-1])
    with torch.inference_mode():
        (found,) = detector_of(network)(torch.from_numpy(seen))
    return found["boxes"].numpy(), found["labels_scores"].numpy()


def in_our_axes(boxes: np.ndarray, logits: np.ndarray, shape) -> Boxes:
    low, high = boxes[:, :3].copy(), boxes[:, 3:].copy()
    for axis, size in ((0, shape[2]), (1, shape[1])):
        low[:, axis], high[:, axis] = size - 1 - high[:, axis], size - 1 - low[:, axis]
    return Boxes(low[:, ::-1].astype(float), high[:, ::-1].astype(float), logits.astype(float))


@pytest.mark.parametrize("backbone", [BASIC, BOTTLENECK])
def test_boxes_and_scores_are_those_of_monais_detector(backbone, tmp_path):
    network = random_network(backbone, seed=1)
    package = convert(write_bundle(tmp_path / "bundle", network, backbone=backbone), FACTS, out=tmp_path)
    image = hu()
    found = ours(package, image)
    boxes, scores = theirs(network, image)
    assert len(found) == len(scores) > 20
    np.testing.assert_allclose(1 / (1 + np.exp(-found.logits)), scores, atol=1e-4)
    # By place: two boxes of all but the same score may come in either order.
    expected = in_our_axes(boxes, scores, image.shape[2:])
    corners, theirs_at = (np.hstack([each.lower, each.upper]) for each in (found, expected))
    partner = np.abs(corners[:, None] - theirs_at[None]).sum(2).argmin(1)
    assert sorted(partner) == list(range(len(found)))
    matched = Boxes(expected.lower[partner], expected.upper[partner], expected.logits[partner])
    assert overlaps(found, matched).min() > 0.99
    np.testing.assert_allclose(1 / (1 + np.exp(-found.logits)), matched.logits, atol=1e-4)


def test_the_package_says_what_the_bundle_says(bundle, tmp_path):
    manifest = convert(bundle, FACTS, out=tmp_path / "out").manifest
    assert (manifest.task, manifest.version) == ("detection", "0.6.8")
    assert manifest.input.spacing_mm == (1.25, 0.703125, 0.703125)
    assert (manifest.input.patch, manifest.input.window_hu) == (PATCH, (-1024, 300))
    assert manifest.outputs["classification_1"].stride == (4, 8, 8)
    assert (manifest.decoding.axes, manifest.decoding.nms_overlap) == ("RAS", 0.22)
    assert [level.scale for level in manifest.decoding.levels] == [1, 2, 4]
    assert manifest.operating_point["f32"]["candidate"] == 0
    assert manifest.training["source_format"] == "safetensors"


def test_the_halo_is_half_of_monais_overlap_in_whole_steps(bundle):
    design = read_detector(bundle)
    assert decoding_of(design, (80, 128, 192)).halo == (8, 16, 16)
    assert decoding_of(design, (160, 256, 320)).halo == (16, 32, 32)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["model.pt", "nested", "model.ts"])
def test_weights_are_the_same_from_a_checkpoint_and_from_torchscript(
    network, bundle, expected, tmp_path, kind
):
    models = bundle / "models"
    (models / "model.safetensors").unlink()
    if kind == "model.ts":
        torch.jit.save(torch.jit.script(StateOf(network)), models / "model.ts")
    else:
        state = network.state_dict()
        torch.save({"model": state, "epoch": 3} if kind == "nested" else state, models / "model.pt")
    package = convert(bundle, FACTS, out=tmp_path / "b")
    assert package.manifest.training["source"] == ("model.ts" if kind == "model.ts" else "model.pt")
    np.testing.assert_array_equal(ours(package, hu()).logits, expected)


class StateOf(torch.nn.Module):
    """A module that has a network's weights under their names, and that TorchScript can write."""

    def __init__(self, network):
        super().__init__()
        for name, values in network.state_dict().items():
            *parents, last = name.split(".")
            place = self
            for parent in parents:
                if not hasattr(place, parent):
                    place.add_module(parent, torch.nn.Module())
                place = getattr(place, parent)
            place.register_buffer(last, values)

    def forward(self, x):
        return x


class Bomb:
    """What runs a program when it is unpickled."""

    def __reduce__(self):
        return open, ("exploded", "w")


def refusal(folder, facts, out, error=RefusedInput) -> str:
    with pytest.raises(error) as refused:
        convert(folder, facts, out=out)
    assert refused.value.remedy
    assert not list(out.glob("*")) if out.is_dir() else True, "a refusal leaves nothing"
    return str(refused.value)


@pytest.mark.parametrize("save", [lambda o, p: torch.save(o, p), lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_checkpoint_that_is_more_than_weights_is_not_opened(bundle, tmp_path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    (bundle / "models" / "model.safetensors").unlink()
    save({"model": Bomb()}, bundle / "models" / "model.pt")
    message = refusal(bundle, FACTS, tmp_path / "out")
    assert "model.pt" in message and "safetensors" in message
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("regression_head.bbox_reg.weight"), "no weights regression_head.bbox_reg.weight"),
        (lambda s: s.update({"extra.weight": torch.zeros(1)}), "lacks: extra.weight"),
        (
            lambda s: s.update({"feature_extractor.fpn.inner_blocks.1.weight": torch.zeros(256, 4, 1, 1, 1)}),
            "takes 4 channels",
        ),
        (
            lambda s: s.update({"classification_head.conv.1.weight": torch.ones(8)}),
            "classification_head.conv.1",
        ),
        (lambda s: s["regression_head.conv.0.bias"].fill_(torch.nan), "not a number"),
    ],
)
def test_weights_of_another_network_are_refused(network, bundle, tmp_path, change, words):
    state = {name: values.clone() for name, values in network.state_dict().items()}
    change(state)
    (bundle / "models" / "model.safetensors").unlink()
    torch.save(state, bundle / "models" / "model.pt")
    assert words in refusal(bundle, FACTS, tmp_path / "out")


def test_weights_that_are_missing_or_damaged_are_refused(bundle, tmp_path):
    (bundle / "models" / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0damaged!")
    assert "cannot be read" in refusal(bundle, FACTS, tmp_path / "out")
    (bundle / "models" / "model.safetensors").unlink()
    assert "holds none of" in refusal(bundle, FACTS, tmp_path / "out")


def test_anchors_of_another_number_than_the_weights_are_refused(bundle, tmp_path):
    path = bundle / "configs" / "inference.json"
    config = json.loads(path.read_text())
    config["network_def"]["num_anchors"] = 2
    config["anchor_generator"]["base_anchor_shapes"].pop()
    path.write_text(json.dumps(config))
    assert "cls_logits gives 3 channels, and its anchors want 2" in refusal(bundle, FACTS, tmp_path / "out")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"patch": None}, "192 512 512"),
        ({"patch": (16, 40, 48)}, "multiples of 8 16 16"),
        ({"axes": "LPS"}, "--axes"),
        ({"window_hu": (-1000.0, 400.0)}, "--window-hu"),
        ({"spacing_mm": (1.0, 1.0, 1.0)}, "--spacing-mm"),
    ],
)
def test_what_the_bundle_says_is_not_said_by_hand_and_a_window_is_chosen(bundle, tmp_path, facts, words):
    assert words in refusal(bundle, replace(FACTS, **facts), tmp_path / "out", UsageError)
