import importlib

import numpy as np
import pytest

from firstread.engine import AccuracyGate, Engine, load_package
from firstread.engine.quantization import quantize, read_samples
from firstread.errors import FirstreadError, RefusedInput, UsageError
from tests.engine.tiny_network import PATCH, conv_net

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def tiles(tmp_path):
    folder = tmp_path / "tiles"
    folder.mkdir()
    rng = np.random.default_rng(6)
    for number in range(6):
        np.savez(folder / f"{number}.npz", input=rng.uniform(-1000, 400, PATCH).astype(np.float32))
    return folder


@pytest.fixture
def package(make_package):
    gate = AccuracyGate(metric="dice", f32=0.97, int8=0.9, max_drop=0.1, passed=True)
    return make_package(int8=conv_net(seed=9), accuracy_gate=gate)


@pytest.fixture
def nncf():
    return pytest.importorskip("nncf", reason="the extra convert is not installed")


def made(package, tiles, tmp_path, **more):
    return quantize(package, read_samples(tiles, package), out=tmp_path / "out", **more)


def test_int8_within_the_limit_is_packed_with_its_gate_and_runs(package, tiles, tmp_path, nncf):
    found = made(package, tiles, tmp_path, max_drop=0.05)
    written = load_package(tmp_path / "out" / "tiny")
    assert written == found.package
    assert (written.version, written.precisions) == ("1.0.0+int8", ("f32", "int8"))
    gate = written.manifest.accuracy_gate
    assert gate.f32 == 1.0 and 0.95 <= gate.int8 < 1.0 and gate.passed
    assert "Dice" in gate.metric and "the FP32 network" in gate.metric and "3 samples" in gate.metric
    assert found.in_int8 > 0
    assert written.manifest.training["int8"]["from_package"] == package.digest
    # The numbers of the int8 network that was replaced are not those of this one.
    assert written.operating_point("int8") == written.operating_point("f32")
    assert written.read("card.md") == package.read("card.md")
    sample = np.load(tiles / "1.npz")["input"][None, None]
    f32, int8 = (Engine(precision=each).network(written).infer(sample)["fine"] for each in ("f32", "int8"))
    np.testing.assert_array_equal(f32, Engine(precision="f32").network(package).infer(sample)["fine"])
    assert 0 < np.abs(f32 - int8).mean() < 0.05


def test_convolutions_at_either_end_stay_in_floating_point_if_asked(package, tiles, tmp_path, nncf):
    every = made(package, tiles, tmp_path, max_drop=0.05)
    some = made(package, tiles, tmp_path, max_drop=0.05, exact=(1, 1), force=True)
    assert (some.in_int8, some.in_f32) == (every.in_int8 - 2, every.in_f32 + 2)
    with pytest.raises(RefusedInput, match="no layer can be in INT8"):
        made(package, tiles, tmp_path, max_drop=0.05, exact=(99, 0), force=True)


def test_without_any_drop_layers_stay_in_floating_point_or_nothing_is_written(package, tiles, tmp_path, nncf):
    try:
        found = made(package, tiles, tmp_path, max_drop=0.0)
    except RefusedInput as refused:
        assert "Nothing was written" in refused.message and "--max-drop" in refused.remedy
        assert not (tmp_path / "out").exists()
    else:
        assert found.gate.int8 >= found.gate.f32
        assert found.in_f32 > 0


def test_accuracy_that_falls_all_the_same_is_refused_and_nothing_is_written(
    package, tiles, tmp_path, nncf, monkeypatch
):
    """Even if the library gave back a network that is worse than allowed."""
    monkeypatch.setattr(nncf, "quantize_with_accuracy_control", lambda *_, **__: conv_net(batch=1, seed=5))
    with pytest.raises(RefusedInput, match="Nothing was written"):
        made(package, tiles, tmp_path, max_drop=0.005)
    assert not (tmp_path / "out").exists()


def test_labels_judge_where_there_are_any(package, tiles, tmp_path, nncf):
    for path in tiles.glob("*.npz"):
        tile = np.load(path)["input"]
        fine = Engine(precision="f32").network(package).infer(tile[None, None])["fine"][0]
        truth = fine.argmax(0)
        truth[:8] = 0  # labels that the network is partly wrong by
        np.savez(path, input=tile, truth=truth.astype(np.uint8))
    gate = made(package, tiles, tmp_path, max_drop=0.05).gate
    assert "against labels" in gate.metric
    assert 0.5 < gate.f32 < 0.95
    assert gate.f32 - gate.int8 <= 0.05


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "auc"}, "auc does not judge a segmentation"),
        ({"output": "none"}, "no output none"),
    ],
)
def test_a_metric_or_output_that_does_not_fit_is_told(package, tiles, tmp_path, options, words):
    with pytest.raises(UsageError, match=words) as refused:
        made(package, tiles, tmp_path, max_drop=0.01, **options)
    assert refused.value.remedy


def test_the_package_itself_is_never_overwritten(package, tiles):
    for force in (True, False):
        with pytest.raises(UsageError, match=r"there already|is what is quantised"):
            quantize(
                package, read_samples(tiles, package), max_drop=0.1, out=package.folder.parent, force=force
            )
    assert load_package(package.folder) == package


def test_without_nncf_the_extra_is_named(package, tiles, tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(FirstreadError) as refused:
        made(package, tiles, tmp_path, max_drop=0.01)
    assert "firstread[convert]" in refused.value.remedy
