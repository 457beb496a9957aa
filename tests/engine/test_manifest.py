import re
from pathlib import Path

import pytest

from firstread.engine.decoding import Level, RetinaNet
from firstread.engine.manifest import AccuracyGate, Input, Manifest, Output
from tests.engine.tiny_network import manifest

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "model-package.md"
NESTED = {"decoding": RetinaNet, "input": Input, "outputs": Output, "accuracy_gate": AccuracyGate}


def documented_keys() -> list[str]:
    keys = []
    for name in Manifest.model_fields:
        place = f"{name}.NAME" if name == "outputs" else name
        keys += [f"{place}.{inner}" for inner in NESTED[name].model_fields] if name in NESTED else [name]
    return keys


@pytest.mark.parametrize("key", documented_keys())
def test_every_key_of_the_manifest_is_documented(key):
    rows = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{key}`" in row or f"`{key}." in row for row in rows), key


def test_the_documented_example_is_a_manifest():
    _, example = toml_examples()
    parsed = Manifest.parse(example)
    assert parsed.outputs["heat"].stride == 4
    assert parsed.metrics == {"phantom": {"sensitivity": 0.97}}


def toml_examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", REFERENCE.read_text(), re.DOTALL)


def retinanet() -> str:
    """The manifest of a RetinaNet: the documented example with the documented decoding."""
    decoding, example = toml_examples()
    return example.replace("[operating_point.f32]\nthreshold = 0.3\n", decoding)


def test_the_documented_decoding_belongs_to_a_manifest_and_survives_writing():
    parsed = Manifest.parse(retinanet())
    assert parsed.decoding.anchors[0] == (6, 8, 4)
    assert parsed.outputs["classification_0"].strides == (2, 4, 4)
    assert parsed.outputs["heat"].strides == (4, 4, 4)
    assert Manifest.parse(parsed.to_toml()) == parsed


def test_every_key_of_a_level_is_documented():
    (row,) = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `decoding.levels`")]
    assert all(f"`{key}`" in row for key in Level.model_fields)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('axes = "RAS"', 'axes = "RAP"', "does not name three axes"),
        ('regression = "box', 'regression = "b', "there is none"),
        ("channels = 18", "channels = 6", "must be a map of 18 channels for 3 anchors"),
        ("channels = 18\nstride = [2, 4, 4]", "channels = 18\nstride = 0", "must be a map"),
        ("channels = 18\nstride = [2, 4, 4]", "channels = 18\nstride = 4", "must have one stride"),
        ('task = "detection"', 'task = "segmentation"', "not segmentation"),
        ('kind = "retinanet"', 'kind = "yolo"', "retinanet"),
        ("nms_overlap = 0.22", "nms_overlap = 2", "less than or equal to 1"),
        ("[[6, 8, 4], [8, 6, 5]", "[[0, 8, 4], [8, 6, 5]", "greater than 0"),
        ("stride = [2, 4, 4]", "stride = [0, 4, 4]", "greater than or equal to 1"),
    ],
)
def test_a_decoding_that_does_not_fit_its_outputs_is_refused(old, new, words):
    assert old in retinanet()
    with pytest.raises(ValueError, match=words):
        Manifest.parse(retinanet().replace(old, new))


@pytest.mark.parametrize(
    "free",
    [
        {"text": 'quote " backslash \\ tab \t newline \n delete \x7f 肺 🫁'},
        {"": "an empty key", "a.b": 1, "c d": [True, False]},
        {"deep": {"er": {"est": [[1, 2], [{"x": 1.5e-9}]]}}, "empty": {}, "none": []},
        {"number": 1e300, "negative": -0.0, "whole": 10**15},
    ],
)
def test_free_tables_come_back_as_they_were_written(free):
    written = manifest("tiny", training=free)
    assert Manifest.parse(written.to_toml()) == written


def test_a_date_in_a_free_table_is_read_as_text():
    text = manifest("tiny").to_toml().replace("[training]", "[training]\ndone = 2026-01-31")
    assert Manifest.parse(text).training == {"done": "2026-01-31"}


def test_text_that_is_damaged_anywhere_is_a_manifest_or_a_value_error():
    whole = manifest("tiny", training={"data": "x"}).to_toml()
    lines = whole.splitlines(keepends=True)
    damaged = [whole[:cut] for cut in range(0, len(whole), 7)]
    damaged += ["".join(lines[:n] + lines[n + 1 :]) for n in range(len(lines))]
    damaged += [
        "".join([*lines[:n], f"{lines[n].split('=')[0]}= 3\n", *lines[n + 1 :]]) for n in range(len(lines))
    ]
    damaged += ["outputs = 3\n", "outputs = [1]\n", "[outputs]\nfine = 1\n", "a = " + "[" * 5000]
    refused = 0
    for text in damaged:
        try:
            Manifest.parse(text)
        except ValueError:
            refused += 1
    assert refused > len(damaged) / 2
