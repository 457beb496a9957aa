"""`firstread models` on tiny networks: what is listed, profiled and timed."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from firstread.engine import AccuracyGate, Engine, cpu
from tests.engine.conversion.onnx_bytes import network
from tests.engine.tiny_network import PATCH, conv_net, write_package

SVG = "{http://www.w3.org/2000/svg}"
GATE = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A search path with one package of both precisions and one of f32, and a cache of our own."""
    monkeypatch.setenv("FIRSTREAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FIRSTREAD_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("firstread.engine.profiling.ROUND_S", 0.02)
    both = write_package(tmp_path / "models" / "both", int8=conv_net(seed=1), accuracy_gate=GATE)
    one = write_package(tmp_path / "models" / "one")
    return {"both": both, "one": one}


def listed(done):
    return {row["name"]: row for row in json.loads(done.out)}


def test_list_tells_every_package_with_digest_and_place(firstread, packages, tmp_path):
    done = firstread("models", "list", "--json")
    assert done.code == 0
    rows = listed(done)
    for name, package in packages.items():
        assert rows[name]["digest"] == package.digest
        assert rows[name]["folder"] == str(package.folder)
        assert (rows[name]["version"], rows[name]["task"]) == ("1.0.0", "segmentation")
    assert rows["both"]["precisions"] == ["f32", "int8"]
    assert rows["one"]["precisions"] == ["f32"]
    shown = firstread("models", "list").out
    for words in ("both", "f32, int8", packages["both"].digest[:12], str(tmp_path / "models")):
        assert words in shown


def test_a_damaged_package_is_listed_with_its_fault_and_hides_no_other(firstread, packages):
    path = packages["one"].folder / "f32.bin"
    path.write_bytes(path.read_bytes()[::-1])
    done = firstread("models", "list", "--json")
    assert done.code == 5
    rows = listed(done)
    assert "f32.bin" in rows["one"]["fault"] and rows["one"]["digest"] is None
    assert rows["both"]["fault"] is None
    assert "f32.bin" in firstread("models", "list").out


def test_a_folder_that_is_named_comes_first(firstread, packages, tmp_path):
    other = write_package(tmp_path / "other" / "one", model=conv_net(seed=5))
    rows = listed(firstread("models", "list", "--json", "--models", "other"))
    assert rows["one"]["digest"] == other.digest
    assert rows["both"]["digest"] == packages["both"].digest


def test_profile_prints_layers_and_totals_and_writes_json_and_a_picture(firstread, packages, tmp_path):
    done = firstread("models", "profile", "both", "--precision", "int8", "--out", "out", "--threads", "1")
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "out" / "profile.json").read_text())
    assert (told["model"]["name"], told["model"]["precision"]) == ("both", "int8")
    assert told["threads"] == 1
    share = f"{100 * told['accounted']:.1f} %"
    for words in ("Convolution", "whole network", share, "outside the layers", "profile.svg"):
        assert words in done.out
    root = ET.parse(tmp_path / "out" / "profile.svg").getroot()
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    assert len(bars) == len(told["layers"])
    longest = max(range(len(bars)), key=lambda n: float(bars[n].get("width")))
    assert told["layers"][longest]["time_s"] == max(layer["time_s"] for layer in told["layers"])


def test_profile_prints_no_more_layers_than_asked_for(firstread, packages):
    done = firstread("models", "profile", "one", "--top", "1")
    rows = done.out[done.out.index("layer ") : done.out.index("By precision")].splitlines()
    # The heading, a layer (which one is the slowest is chance on so small a network), and the rest.
    assert [" others " in row for row in rows[:3]] == [False, False, True]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["profile", "none"], 5, "none was not found"),
        (["profile", "one", "--precision", "int8"], 5, "no int8"),
        (["profile", "one", "--models", "empty"], 2, "holds no model package"),
        (["bench", "none"], 5, "none was not found"),
        (["list", "--models", "empty"], 2, "holds no model package"),
    ],
)
def test_what_cannot_work_is_told(firstread, packages, tmp_path, arguments, code, words):
    (tmp_path / "empty").mkdir()
    done = firstread("models", *arguments)
    assert done.code == code
    assert words in done.err


def test_files_that_are_there_are_replaced_only_when_asked(firstread, packages, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "profile.svg").write_text("mine")
    done = firstread("models", "profile", "one", "--out", "out")
    assert done.code == 2 and "--force" in done.err
    assert (tmp_path / "out" / "profile.svg").read_text() == "mine"
    assert firstread("models", "profile", "one", "--out", "out", "--force", "--quiet").out == ""
    assert (tmp_path / "out" / "profile.svg").read_text().startswith("<svg")


def test_bench_times_every_precision_within_what_was_granted(firstread, packages, monkeypatch):
    two = cpu.Granted(threads=2, limit="affinity", quota=None, affinity=2)
    monkeypatch.setattr("firstread.engine.cpu.granted", lambda **_: two)
    done = firstread("models", "bench", "both", "--seconds", "0", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    rows = [(one["precision"], one["streams"], one["threads"]) for one in told["measured"]]
    assert rows == [(p, s, t) for p in ("f32", "int8") for s, t in ((1, 1), (1, 2), (2, 2))]
    assert told["machine"]["granted"] == 2
    assert told["digest"] == packages["both"].digest
    refused = firstread("models", "bench", "both", "--threads", "3")
    assert refused.code == 2
    assert "more than the 2" in refused.err and "at most 2" in refused.err


def test_bench_prints_a_row_a_measurement_and_the_machine(firstread, packages):
    done = firstread("models", "bench", "one", "--seconds", "0", "--threads", "1")
    assert done.code == 0, done.err
    for words in ("32 × 32 × 32", "tiles/s", "granted", cpu.processor().model, "f32, 1 stream on 1 thread"):
        assert words in done.out


def test_the_setting_threads_bounds_a_bench(firstread, packages, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_THREADS", "1")
    told = json.loads(firstread("models", "bench", "one", "--seconds", "0", "--json").out)
    assert {one["threads"] for one in told["measured"]} == {1}


def test_list_says_what_auto_takes_and_why_once_it_was_measured(firstread, packages):
    assert "both is measured when it is first used" in firstread("models", "list").out
    with Engine() as engine:
        network = engine.network(packages["both"])
    shown = firstread("models", "list").out
    assert f"both takes {network.precision}: {network.precision} " in shown
    assert "measured 20" in shown and "one takes" not in shown
    choice = listed(firstread("models", "list", "--json"))["both"]["choice"]
    assert set(choice["times_s"]) == {"f32", "int8"}


def test_bench_remembers_for_auto_only_when_asked(firstread, packages, monkeypatch):
    slow = {"f32": 0.002, "int8": 0.001}
    monkeypatch.setattr("firstread.engine.engine.least_times", lambda *_: slow)
    assert Engine().network(packages["both"]).precision == "int8"
    monkeypatch.setattr("firstread.engine.bench._alone", lambda compiled, package, seconds: [0.5])
    arguments = ("models", "bench", "both", "--seconds", "0", "--threads", "1")
    firstread(*arguments)
    assert Engine().network(packages["both"]).precision == "int8"
    # Of equal times f32 is taken, the more exact.
    done = firstread(*arguments, "--remember")
    assert "Remembered: auto takes f32" in done.out
    assert Engine().network(packages["both"]).precision == "f32"


def test_a_choice_that_cannot_be_remembered_is_told(firstread, packages, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FIRSTREAD_CACHE_DIR", str(tmp_path / "file"))
    done = firstread("models", "bench", "both", "--seconds", "0", "--threads", "1", "--remember")
    assert done.code == 5
    assert "not remembered" in done.err and "FIRSTREAD_CACHE_DIR" in done.err


def test_convert_makes_a_package_that_list_finds_and_profile_runs(firstread, packages, tmp_path):
    (tmp_path / "My Net-2.onnx").write_bytes(network())
    done = firstread(
        "models", "convert", "My Net-2.onnx", "--out", "made", "--task", "detection",
        "--spacing-mm", "2", "1", "1", "--window-hu", "-1000", "400", "--outputs", "heat,score",
    )  # fmt: skip
    assert done.code == 0, done.err
    for words in (
        "my_net_2 1.0.0",
        "16 × 16 × 16",
        "2 × 1 × 1 mm",
        "-1000 to 400 HU",
        "heat: a map at stride 1",
    ):
        assert words in done.out
    row = listed(firstread("models", "list", "--json", "--models", "made"))["my_net_2"]
    assert row["digest"] in done.out
    assert (row["task"], row["precisions"]) == ("detection", ["f32"])
    assert firstread("models", "profile", "my_net_2", "--models", "made").code == 0
    again = firstread("models", "convert", "My Net-2.onnx", "--out", "made", "--spacing-mm", "1", "1", "1")
    assert again.code == 2 and "--force" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["net.onnx"], 2, "--spacing-mm"),
        (["none.onnx", "--spacing-mm", "1", "1", "1"], 2, "none.onnx does not exist"),
        (["net.onnx", "--spacing-mm", "1", "1", "1"], 2, "--task"),
        (["net.onnx", "--spacing-mm", "1", "1", "1", "--sha256", "00"], 4, "not 00"),
        (["net.pt", "--spacing-mm", "1", "1", "1"], 4, "is a pickle"),
    ],
)
def test_what_cannot_be_converted_ends_with_its_code_and_writes_nothing(
    firstread, tmp_path, arguments, code, words
):
    (tmp_path / "net.onnx").write_bytes(network())
    (tmp_path / "net.pt").write_bytes(b"\x80\x04.")
    before = sorted(tmp_path.iterdir())
    done = firstread("models", "convert", *arguments)
    assert done.code == code
    assert words in done.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "--data"),
        (["--data", "empty"], 2, "holds 0 npz files"),
        (["--data", "tiles", "--metric", "auc"], 2, "auc does not judge a segmentation"),
        (["--data", "tiles", "--out", "models"], 2, "there already"),
    ],
)
def test_what_cannot_be_quantised_is_told(firstread, packages, tmp_path, arguments, code, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "tiles").mkdir()
    for number in range(4):
        np.savez(tmp_path / "tiles" / f"{number}.npz", input=np.full(PATCH, -500, np.int16))
    done = firstread("models", "quantize", "one", *arguments)
    assert done.code == code
    assert words in done.err


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_quantize_prints_gate_and_package_and_list_finds_both_precisions(firstread, packages, tmp_path):
    pytest.importorskip("nncf", reason="the extra convert is not installed")
    (tmp_path / "tiles").mkdir()
    rng = np.random.default_rng(8)
    for number in range(4):
        tile = rng.uniform(-1000, 400, PATCH).astype(np.float32)
        np.savez(tmp_path / "tiles" / f"{number}.npz", input=tile)
    done = firstread("models", "quantize", "one", "--data", "tiles", "--out", "made", "--max-drop", "0.1")
    assert done.code == 0, done.err
    for words in ("mean Dice of `fine`", "in INT8, allowed drop 0.1", "one 1.0.0+int8", "f32, int8"):
        assert words in done.out
    row = listed(firstread("models", "list", "--json", "--models", "made"))["one"]
    assert row["precisions"] == ["f32", "int8"]


@pytest.mark.parametrize("command", ["list", "profile", "bench", "convert", "quantize"])
def test_every_command_explains_itself_with_an_example(firstread, command):
    done = firstread("models", command, "--help")
    assert done.code == 0
    assert f"Usage: firstread models {command}" in done.out
    assert any(line.strip(" │").startswith(f"firstread models {command}") for line in done.out.splitlines())
