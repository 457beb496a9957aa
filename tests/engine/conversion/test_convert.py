import importlib
import json
import pickle
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from firstread.engine import Engine
from firstread.engine.conversion import Facts, convert
from firstread.errors import FirstreadError, RefusedInput, UsageError
from tests.engine.conversion.onnx_bytes import WEIGHTS, network

FACTS = Facts(name="net", task="segmentation", spacing_mm=(2.0, 1.0, 1.0))


@pytest.fixture
def onnx(tmp_path):
    """A function that writes an ONNX file."""

    def write(name="net.onnx", **more) -> Path:
        (tmp_path / name).write_bytes(network(**more))
        return tmp_path / name

    return write


def hu(shape=(16, 16, 16)) -> np.ndarray:
    return np.random.default_rng(2).uniform(-1200, 600, (1, 1, *shape)).astype(np.float32)


def convolved(image: np.ndarray, weights: np.ndarray = WEIGHTS) -> np.ndarray:
    """What the network of onnx_bytes gives, computed without OpenVINO."""
    return np.stack([ndimage.correlate(image[0, 0], each[0], mode="constant") for each in weights])[None]


def run(package, image):
    with Engine(precision="f32", threads=1) as engine:
        return engine.network(package).infer(image)


def refusal(source, facts, tmp_path, error=RefusedInput, **more) -> str:
    with pytest.raises(error) as refused:
        convert(source, facts, out=tmp_path / "out", **more)
    assert refused.value.remedy
    if error is RefusedInput:
        assert str(source) in refused.value.message, "a refusal names the file"
    assert not list((tmp_path / "out").glob("*")), "a refusal leaves nothing"
    return str(refused.value)


def test_onnx_becomes_a_package_that_gives_the_same_answers(onnx, tmp_path):
    package = convert(onnx(), FACTS, out=tmp_path / "out")
    assert package.folder == tmp_path / "out" / "net"
    manifest = package.manifest
    assert (manifest.input.patch, manifest.input.spacing_mm) == ((16, 16, 16), (2.0, 1.0, 1.0))
    assert {name: (out.channels, out.stride) for name, out in manifest.outputs.items()} == {
        "map": (2, 1),
        "mean": (2, 0),
    }
    assert package.precisions == ("f32",)
    image = hu()
    found = run(package, image)
    np.testing.assert_allclose(found["map"], convolved(image), rtol=1e-4, atol=0.05)
    np.testing.assert_allclose(found["mean"], convolved(image).mean((2, 3, 4)), rtol=1e-3, atol=0.05)
    assert list((tmp_path / "out").glob(".*")) == []


def test_the_package_says_from_which_bytes_it_was_made(onnx, tmp_path):
    source = onnx()
    told = convert(source, FACTS, out=tmp_path / "out").manifest.training
    assert told["source"] == "net.onnx"
    assert told["source_format"] == "ONNX"
    message = refusal(source, replace(FACTS, name="b"), tmp_path / "x", sha256="0" * 64)
    assert told["source_sha256"] in message and "correct --sha256" in message
    assert convert(source, replace(FACTS, name="c"), out=tmp_path, sha256=told["source_sha256"].upper())


def test_a_window_is_clipped_and_scaled_inside_the_graph(onnx, tmp_path):
    facts = replace(FACTS, window_hu=(-1000.0, 400.0), scaled_to=(-1.0, 1.0), outputs=("fine", "score"))
    package = convert(onnx(), facts, out=tmp_path)
    image = hu()
    expected = convolved((np.clip(image, -1000, 400) + 1000) / 700 - 1)
    np.testing.assert_allclose(run(package, image)["fine"], expected, atol=1e-4)
    assert package.manifest.input.window_hu == (-1000.0, 400.0)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_network_of_other_axes_sees_its_own_and_answers_in_ours(onnx, tmp_path, stride):
    """Ours: z up, y to the back, x to the left. RAS: x to the right, y to the front, z up."""
    package = convert(onnx(shape=(1, 1, 8, 12, 16), stride=stride), replace(FACTS, axes="RAS"), out=tmp_path)
    assert package.manifest.input.patch == (16, 12, 8)
    assert package.manifest.outputs["map"].stride == stride
    image = hu((16, 12, 8))
    seen = image.transpose(0, 1, 4, 3, 2)[:, :, ::-1, ::-1]
    theirs = convolved(seen)[:, :, ::stride, ::stride, ::stride]
    expected = theirs[:, :, ::-1, ::-1].transpose(0, 1, 4, 3, 2)
    np.testing.assert_allclose(run(package, image)["map"], expected, rtol=1e-4, atol=0.05)


def test_a_dynamic_shape_needs_a_patch_and_takes_it(onnx, tmp_path):
    source = onnx(shape=("n", 1, "z", "y", "x"))
    assert "--patch" in refusal(source, FACTS, tmp_path)
    package = convert(source, replace(FACTS, patch=(8, 16, 24), batch=2), out=tmp_path / "out")
    assert (package.manifest.input.patch, package.manifest.input.batch) == ((8, 16, 24), 2)
    assert run(package, hu((8, 16, 24)))["map"].shape == (1, 2, 8, 16, 24)


NAN = np.where(np.arange(54).reshape(WEIGHTS.shape) == 7, np.nan, WEIGHTS)


@pytest.mark.parametrize(
    ("file", "facts", "words"),
    [
        ({"kind": "Frobnicate"}, {}, "does not know: Frobnicate"),
        ({"weights": NAN}, {}, "not a number"),
        ({"elsewhere": "weights.bin"}, {}, "weights.bin, which is missing"),
        ({"shape": (1, 1, 16, 16), "weights": WEIGHTS[:, :, 0]}, {}, "how large a tile is"),
        ({"shape": (1, 3, 16, 16, 16), "weights": WEIGHTS.repeat(3, 1)}, {}, "does not fit"),
        ({}, {"patch": (16, 16, 32)}, r"not [1, 1, 16, 16, 32]"),
        ({"shape": (2, 1, 16, 16, 16)}, {}, "does not fit"),
        ({"shape": (1, 1, 15, 15, 15), "stride": 2}, {"axes": "RAS"}, "at one stride"),
        ({}, {"outputs": ("one",)}, "has 2 outputs"),
        ({}, {"outputs": ("same", "same")}, "--outputs"),
    ],
)
def test_a_network_that_cannot_be_taken_is_refused_with_file_and_remedy(onnx, tmp_path, file, facts, words):
    message = refusal(onnx(**file), replace(FACTS, **facts), tmp_path)
    assert words in message and "net.onnx" in message


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"not a network" * 20)
    assert "net.onnx cannot be read" in refusal(tmp_path / "net.onnx", FACTS, tmp_path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert "none.onnx does not exist" in refusal(tmp_path / "none.onnx", FACTS, tmp_path, UsageError)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"task": None}, "--task"),
        ({"name": "Bad Name"}, "name cannot be used"),
        ({"version": "one"}, "version cannot be used"),
        ({"spacing_mm": (0.0, 1.0, 1.0)}, "spacing_mm"),
        ({"axes": "RAX"}, "RAX does not name three axes"),
        ({"axes": "RLS"}, "RLS does not name three axes"),
        ({"window_hu": (400.0, -1000.0)}, "is empty"),
    ],
)
def test_a_fact_that_is_missing_or_wrong_is_told(onnx, tmp_path, facts, words):
    assert words in refusal(onnx(), replace(FACTS, **facts), tmp_path, UsageError)


def test_a_package_that_is_there_is_replaced_only_when_asked_and_nothing_else_ever(onnx, tmp_path):
    source = onnx()
    first = convert(source, FACTS, out=tmp_path / "out")
    with pytest.raises(UsageError, match="there already"):
        convert(source, FACTS, out=tmp_path / "out")
    second = convert(source, replace(FACTS, version="2.0.0"), out=tmp_path / "out", force=True)
    assert (first.version, second.version) == ("1.0.0", "2.0.0")
    (tmp_path / "out" / "mine").mkdir()
    (tmp_path / "out" / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="there already"):
        convert(source, replace(FACTS, name="mine"), out=tmp_path / "out", force=True)
    assert (tmp_path / "out" / "mine" / "letter.txt").read_text() == "dear"


class Bomb:
    def __reduce__(self):
        return (Path("exploded").write_text, ("boom",))


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "model.xyz"])
def test_a_pickle_is_refused_and_never_opened(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    message = refusal(tmp_path / name, FACTS, tmp_path)
    assert "is a pickle" in message and "torch.onnx.export" in message and "safetensors" in message
    assert not (tmp_path / "exploded").exists()


def zipped(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"net/{name}", pickle.dumps(Bomb()))
    return path


def test_what_torch_save_wrote_is_a_pickle_too(tmp_path):
    message = refusal(zipped(tmp_path / "model.pt", "data.pkl", "version", "data/0"), FACTS, tmp_path)
    assert "is a pickle" in message


def test_weights_without_a_network_and_other_files_are_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x10")
    assert "no network" in refusal(tmp_path / "w.safetensors", FACTS, tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    assert "neither ONNX nor TorchScript" in refusal(tmp_path / "notes.txt", FACTS, tmp_path)


def test_torchscript_without_pytorch_says_which_extra_to_install(tmp_path, monkeypatch):
    source = zipped(tmp_path / "net.ts", "constants.pkl", "data.pkl", "code/__torch__.py")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    message = refusal(source, replace(FACTS, patch=(16, 16, 16)), tmp_path, FirstreadError)
    assert "firstread[convert]" in message and "net.ts" in message
    assert "--patch" in refusal(source, FACTS, tmp_path, UsageError)


@pytest.fixture
def torchscript(tmp_path):
    """A TorchScript file of two outputs, one a map and one a vector."""
    torch = pytest.importorskip("torch", reason="the extra convert is not installed")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.from_numpy(WEIGHTS))

        def forward(self, image):
            found = torch.nn.functional.conv3d(image, self.weight, padding=1)
            return found, found.mean((2, 3, 4))

    return traced(Net().eval(), tmp_path / "net.ts")


def traced(net, path):
    """Write a network as TorchScript, which newer versions of PyTorch deprecate and still read."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(net, torch.rand(1, 1, 16, 16, 16)), str(path))
    return path


def test_torchscript_becomes_a_package_that_gives_the_same_answers(torchscript, tmp_path):
    facts = replace(FACTS, patch=(16, 16, 16), outputs=("fine", "score"))
    package = convert(torchscript, facts, out=tmp_path / "out")
    image = hu()
    np.testing.assert_allclose(run(package, image)["fine"], convolved(image), rtol=1e-4, atol=0.05)
    assert package.manifest.outputs["score"].stride == 0
    assert package.manifest.training["source_format"] == "TorchScript"


def test_torchscript_of_another_shape_or_with_unknown_operations_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="the extra convert is not installed")

    class Fixed(torch.nn.Module):
        def forward(self, image):
            return image.reshape(1, 1, 16, 16, 16)

    class Strange(torch.nn.Module):
        def forward(self, image):
            return torch.linalg.eigvals(image[0, 0]).real[None, None]

    for net, name in ((Fixed(), "fixed.ts"), (Strange(), "strange.ts")):
        traced(net, tmp_path / name)
    small = replace(FACTS, patch=(8, 8, 8))
    message = refusal(tmp_path / "fixed.ts", small, tmp_path)
    assert "does not take an input of shape [1, 1, 8, 8, 8]" in message and "--patch" in message
    whole = replace(FACTS, patch=(16, 16, 16))
    assert "aten::linalg_eigvals" in refusal(tmp_path / "strange.ts", whole, tmp_path)


METADATA = {
    "version": "0.5.3",
    "intended_use": "Example only",
    "network_data_format": {
        "inputs": {
            "image": {
                "format": "hounsfield",
                "num_channels": 1,
                "spatial_shape": [8, 12, 16],
                "value_range": [0, 1],
            }
        },
        "outputs": {
            "pred": {
                "format": "segmentation",
                "num_channels": 2,
                "channel_def": {"0": "background", "1": "lung"},
            },
            "mean": {"format": "probabilities", "num_channels": 2},
        },
    },
}
BUNDLE = replace(FACTS, task=None, axes="RAS", window_hu=(-1000.0, 400.0))


@pytest.fixture
def bundle(tmp_path):
    """A function that writes the folder of a MONAI Bundle."""

    def write(*, metadata=METADATA, files=("model.onnx",)) -> Path:
        folder = tmp_path / "bundle"
        (folder / "configs").mkdir(parents=True)
        (folder / "models").mkdir()
        if metadata is not None:
            (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
        for name in files:
            is_onnx = name.endswith(".onnx")
            content = network(shape=(1, 1, 8, 12, 16)) if is_onnx else pickle.dumps(Bomb())
            (folder / "models" / name).write_bytes(content)
        return folder

    return write


def test_a_bundle_tells_version_task_tile_range_and_outputs(bundle, tmp_path):
    package = convert(bundle(), BUNDLE, out=tmp_path / "out")
    manifest = package.manifest
    assert (manifest.version, manifest.task, manifest.intended_use) == (
        "0.5.3",
        "segmentation",
        "Example only",
    )
    assert manifest.input.patch == (16, 12, 8)
    assert manifest.outputs["pred"].description == "segmentation (0: background, 1: lung)"
    image = hu((16, 12, 8))
    seen = ((np.clip(image, -1000, 400) + 1000) / 1400).transpose(0, 1, 4, 3, 2)[:, :, ::-1, ::-1]
    expected = convolved(seen)[:, :, ::-1, ::-1].transpose(0, 1, 4, 3, 2)
    np.testing.assert_allclose(run(package, image)["pred"], expected, atol=1e-4)


def changed(**ports):
    told = json.loads(json.dumps(METADATA))
    for name, values in ports.items():
        side = "inputs" if name == "image" else "outputs"
        told["network_data_format"][side][name] |= values
    return told


@pytest.mark.parametrize(
    ("files", "metadata", "facts", "words"),
    [
        (("model.pt",), METADATA, {}, "ckpt_export"),
        ((), METADATA, {}, "holds neither model.ts nor an ONNX"),
        (("a.onnx", "b.onnx"), METADATA, {}, "2 ONNX files: a.onnx, b.onnx"),
        (("model.onnx",), None, {}, "metadata.json is missing"),
        (("model.onnx",), {"version": "1.0.0"}, {}, "network_data_format"),
        (("model.onnx",), changed(image={"num_channels": 4}), {}, "takes 4 channels"),
        (("model.onnx",), changed(image={"spatial_shape": [64, 64]}), {}, "takes 2 axes"),
        (("model.onnx",), changed(pred={"num_channels": 5}), {}, "5 channels; the network has 2"),
        (("model.onnx",), changed(image={"spatial_shape": [9, 12, 16]}), {}, "does not fit"),
    ],
)
def test_a_bundle_that_cannot_be_taken_is_refused(bundle, tmp_path, files, metadata, facts, words):
    message = refusal(bundle(files=files, metadata=metadata), replace(BUNDLE, **facts), tmp_path)
    assert words in message and "bundle" in message


@pytest.mark.parametrize(
    ("facts", "words"), [({"axes": None}, "--axes"), ({"window_hu": None}, "--window-hu")]
)
def test_what_a_bundle_does_not_tell_is_asked_for_and_never_guessed(bundle, tmp_path, facts, words):
    assert words in refusal(bundle(), replace(BUNDLE, **facts), tmp_path, UsageError)


def test_a_bundle_that_takes_several_sizes_needs_a_patch(bundle, tmp_path):
    folder = bundle(
        metadata=changed(image={"spatial_shape": ["16*n", "16*n", "16*n"], "value_range": [-1024, 1024]})
    )
    facts = replace(BUNDLE, window_hu=None)
    # Here the ONNX file itself has one shape.
    assert convert(folder, facts, out=tmp_path / "out").manifest.input.patch == (16, 12, 8)


def test_the_torchscript_of_a_bundle_is_preferred(bundle, torchscript, tmp_path):
    folder = bundle(metadata=changed(image={"spatial_shape": [16, 16, 16]}), files=("model.pt",))
    torchscript.rename(folder / "models" / "model.ts")
    package = convert(folder, BUNDLE, out=tmp_path / "out")
    assert package.manifest.training["source"] == "model.ts"
    assert tuple(package.manifest.outputs) == ("pred", "mean")
