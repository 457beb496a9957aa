import hashlib
import shutil
from pathlib import Path

import numpy as np
import openvino
import pytest

import firstread
from firstread.engine import (
    AccuracyGate,
    Engine,
    find_package,
    list_packages,
    load_package,
    package_folders,
    write_manifest,
)
from firstread.engine.packages import search_path
from firstread.errors import ModelPackageError
from firstread.settings import Settings, load_settings
from tests.engine.tiny_network import conv_net, manifest

PASSED = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelPackageError) as refused:
        load_package(folder)
    assert refused.value.remedy
    assert str(folder) in refused.value.message, "a refusal names the file"
    return refused.value.message


def test_a_package_is_what_was_written(make_package):
    package = make_package(
        training={"data": 'scans "A"\nand µ', "seen": [1, 2.5], "sets": {"inner one": {"n": 3}}},
        metrics={"dice": 0.97, "by_size": [{"mm": 4, "found": True}]},
        accuracy_gate=PASSED,
        int8=conv_net(seed=1),
    )
    assert load_package(package.folder) == package
    raw = (package.folder / "model.toml").read_bytes()
    assert package.digest == hashlib.sha256(raw).hexdigest()
    assert package.manifest.training["sets"] == {"inner one": {"n": 3}}
    assert package.manifest.training["data"] == 'scans "A"\nand µ'
    assert package.manifest.metrics["by_size"] == [{"mm": 4, "found": True}]
    assert package.manifest.outputs["score"].stride == 0
    assert set(package.manifest.files) == {"card.md", "f32.bin", "f32.xml", "int8.bin", "int8.xml"}
    assert package.precisions == ("f32", "int8")


def test_int8_takes_part_only_when_it_passed_its_accuracy_gate(make_package):
    failed = PASSED.model_copy(update={"passed": False})
    assert make_package("failed", int8=conv_net(), accuracy_gate=failed).precisions == ("f32",)
    assert make_package("ungated", int8=conv_net()).precisions == ("f32",)
    with pytest.raises(ValueError, match="more than max_drop"):
        AccuracyGate(metric="dice", f32=0.97, int8=0.9, max_drop=0.005, passed=True)


def test_an_operating_point_is_that_of_the_precision_and_falls_back_to_f32(make_package):
    package = make_package()
    assert package.operating_point("f32") == {"threshold": 0.5, "margin": 2.0}
    assert package.operating_point("int8") == {"threshold": 0.4, "margin": 2.0}


@pytest.mark.parametrize("file", ["f32.xml", "f32.bin", "card.md"])
def test_a_file_with_one_bit_changed_is_refused_by_name(make_package, file):
    path = make_package().folder / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert file in refusal(path.parent) and "sha256" in refusal(path.parent)


@pytest.mark.parametrize("file", ["f32.xml", "f32.bin", "card.md", "model.toml"])
def test_a_missing_file_is_refused_by_name(make_package, file):
    folder = make_package().folder
    (folder / file).unlink()
    assert f"{file} is missing" in refusal(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("plugin.so", b""),
        ("setup.py", b""),
        ("weights.pkl", b"\x80\x04."),
        ("readme.txt", b"\x7fELF\x02\x01"),
        ("start", b"#!/bin/sh\n"),
        (".hidden", b"MZ\x90\x00"),
    ],
)
def test_a_program_in_the_folder_is_refused_by_name(make_package, file, content):
    folder = make_package().folder
    (folder / file).write_bytes(content)
    assert file in refusal(folder) and "looks like a program" in refusal(folder)
    with pytest.raises(ModelPackageError, match="looks like a program"):
        write_manifest(folder, manifest("tiny"))


def test_a_file_that_is_not_listed_a_link_and_a_folder_are_refused_by_name(make_package):
    folder = make_package().folder
    extra = folder / "notes.txt"
    extra.write_text("more")
    assert "notes.txt is not listed" in refusal(folder)
    extra.unlink()
    extra.symlink_to(folder / "card.md")
    assert "notes.txt is not a plain file" in refusal(folder)
    extra.unlink()
    extra.mkdir()
    assert "notes.txt is not a plain file" in refusal(folder)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('name = "tiny"', 'name = "tiny', "not a TOML file"),
        ('name = "tiny"', 'name = "Tiny"', "name:"),
        ('name = "tiny"', 'name = "other"', "Rename the folder|its folder is tiny"),
        ('version = "1.0.0"', 'version = "1"', "version:"),
        ('task = "segmentation"', 'task = "dreaming"', "task:"),
        ("batch = 1", 'batch = "1"', "input.batch:"),
        ("batch = 1", "batch = 0", "input.batch:"),
        ("batch = 1", "batch = 1\nbits = 8", "input.bits:"),
        ("[1.0, 1.0, 1.0]", "[1.0, nan, 1.0]", "input.spacing_mm"),
        ("[1.0, 1.0, 1.0]", "[1.0, 0.0, 1.0]", "input.spacing_mm"),
        ("[32, 32, 32]", "[32, 32]", "input.patch"),
        ("threshold = 0.5", 'threshold = "0.5"', "operating_point.f32.threshold:"),
        ("threshold = 0.5", "threshold = inf", "operating_point.f32.threshold:"),
        ('"card.md"', '"../card.md"', "files"),
        ('"card.md" = "', '"card.md" = "0', "files.card.md"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_the_place(make_package, was, becomes, complaint):
    path = make_package().folder / "model.toml"
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes, 1))
    told = refusal(path.parent)
    assert str(path) in told
    assert any(part in told for part in complaint.split("|")), told


def test_a_manifest_of_bytes_that_are_no_text_and_one_of_absurd_size_are_refused(make_package):
    path = make_package().folder / "model.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "model.toml is not a TOML file" in refusal(path.parent)
    path.write_bytes(b"#" * (2 << 20))
    assert "model.toml is larger" in refusal(path.parent)


def test_a_package_without_f32_is_refused(make_package):
    folder = make_package().folder
    (folder / "f32.bin").unlink()
    with pytest.raises(ModelPackageError, match=r"f32\.xml and f32\.bin"):
        write_manifest(folder, manifest("tiny"))


def test_packages_are_found_in_the_order_of_the_search_path(make_package, tmp_path, monkeypatch):
    first = make_package("tiny")
    make_package("other")
    mine = tmp_path / "mine"
    shutil.copytree(first.folder, mine / "tiny")
    monkeypatch.setenv("FIRSTREAD_MODELS", f"{mine}:{tmp_path / 'absent'}:{tmp_path / 'models'}")
    assert find_package("tiny").folder == mine / "tiny"
    found = {path.name: path for path in package_folders()}
    assert found["tiny"] == mine / "tiny" and found["other"] == tmp_path / "models" / "other"
    settings = Settings(models=(tmp_path / "models",))
    assert find_package("tiny", settings=settings).folder == tmp_path / "models" / "tiny"
    assert {"tiny", "other"} <= {package.name for package in list_packages(settings=settings)}


def test_the_shipped_packages_come_last_on_the_search_path(tmp_path):
    shipped = search_path(load_settings())[1:]
    home = Path(firstread.__file__).parent
    assert set(shipped) <= {home / "_models", home.parents[1] / "models"}


def test_a_package_that_is_not_there_is_refused_with_the_places_searched(tmp_path):
    with pytest.raises(ModelPackageError, match="nowhere was not found") as refused:
        find_package("nowhere")
    assert str(tmp_path / "models") in refused.value.message
    assert "FIRSTREAD_MODELS" in refused.value.remedy


def resealed(folder: Path, **changes: object) -> None:
    """Write the manifest anew, so that only the graph is wrong."""
    write_manifest(folder, load_manifest(folder).model_copy(update=changes))


def load_manifest(folder: Path):
    return type(manifest("x")).parse((folder / "model.toml").read_text())


def graph_refusal(folder: Path) -> str:
    package = load_package(folder)
    with pytest.raises(ModelPackageError) as refused, Engine() as engine:
        engine.network(package)
    assert refused.value.remedy
    assert str(folder) in refused.value.message, "a refusal names the file"
    return refused.value.message


def test_an_operation_that_openvino_does_not_know_is_refused(make_package):
    folder = make_package().folder
    path = folder / "f32.xml"
    path.write_text(path.read_text().replace('type="ReLU"', 'type="Teleport"', 1))
    resealed(folder)
    told = graph_refusal(folder)
    assert "f32.xml" in told and "Teleport" in told


@pytest.mark.parametrize("content", [b"", b"not xml", b"<net></net>"])
def test_a_graph_that_is_no_graph_is_refused(make_package, content):
    folder = make_package().folder
    (folder / "f32.xml").write_bytes(content)
    resealed(folder)
    assert "f32.xml" in graph_refusal(folder)


def test_weights_that_are_cut_off_are_refused(make_package):
    folder = make_package().folder
    path = folder / "f32.bin"
    path.write_bytes(path.read_bytes()[:100])
    resealed(folder)
    assert "f32.xml" in graph_refusal(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_refused(make_package, value):
    folder = make_package().folder
    path = folder / "f32.bin"
    weights = np.frombuffer(path.read_bytes(), np.uint8).copy()
    big = conv_net().get_ops()
    constant = next(op for op in big if op.get_type_name() == "Constant" and np.size(op.get_data()) > 50)
    at = path.read_bytes().index(constant.get_data().tobytes())
    weights[at + 8 : at + 12] = np.frombuffer(np.float32(value).tobytes(), np.uint8)
    path.write_bytes(weights.tobytes())
    resealed(folder)
    told = graph_refusal(folder)
    assert "f32.bin" in told and "not a number" in told


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        (lambda: conv_net((16, 16, 16), batch=1), "input has shape"),
        (lambda: conv_net(batch=3), "input has shape"),
        (lambda: renamed("hu", "image"), "input is named"),
        (lambda: renamed("fine", "rough"), "no output fine"),
    ],
)
def test_a_graph_of_another_shape_than_the_manifest_says_is_refused(make_package, graph, complaint):
    folder = make_package().folder
    openvino.save_model(graph(), folder / "f32.xml", compress_to_fp16=False)
    resealed(folder)
    told = graph_refusal(folder)
    assert "f32.xml" in told and complaint in told


def renamed(was: str, becomes: str) -> openvino.Model:
    model = conv_net()
    for port in [*model.inputs, *model.outputs]:
        if was in port.get_names():
            port.get_tensor().set_names({becomes})
    return model


def test_outputs_of_another_shape_than_the_manifest_says_are_refused(make_package):
    package = make_package()
    outputs = dict(package.manifest.outputs)
    outputs["coarse"] = outputs["coarse"].model_copy(update={"stride": 2})
    resealed(package.folder, outputs=outputs)
    assert "output coarse has shape" in graph_refusal(package.folder)
    outputs["coarse"] = outputs["coarse"].model_copy(update={"stride": 4, "channels": 4})
    resealed(package.folder, outputs=outputs)
    assert "output coarse has shape" in graph_refusal(package.folder)


def test_a_package_changed_after_it_was_loaded_is_refused(make_package):
    package = make_package()
    path = package.folder / "f32.bin"
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(ModelPackageError, match=r"f32\.bin"):
        Engine().network(package)
