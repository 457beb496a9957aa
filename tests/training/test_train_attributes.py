"""Learning attributes from a small made-up set of readers: the whole way, without networks or real data."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firstread.readers.lung_nodule.attributes import malignancy_features, parse_model
from firstread.readers.lung_nodule.shape import shape_features
from tests.readers.lung_nodule.bodies import star
from training.lung_nodule.agreement import spearman
from training.lung_nodule.attribute_features import CONTOUR, OUTLINE, from_contours, tabled
from training.lung_nodule.attribute_figures import others_means
from training.lung_nodule.scenes import is_held_out
from training.lung_nodule.shapes import GRID_MM, Shape
from training.lung_nodule.train_attributes import fit, materials, nodule_means, row_weights

ROOT = Path(__file__).resolve().parents[2]
CUBIC = (GRID_MM,) * 3


@pytest.fixture(scope="module")
def table():
    """Forty patients with a nodule each; three readers agree that spikes are spiculation and size is suspicious."""
    rng = np.random.default_rng(0)
    shapes = []
    for patient in range(40):
        height, radius = rng.uniform(0, 0.8), rng.uniform(2, 6)
        body = star(radius, spacing_mm=CUBIC, spikes=16, height=height, width=0.1)
        shapes += [
            Shape(
                body=body,
                patient=f"P{patient}",
                nodule=f"{patient}-0",
                readers=3,
                texture=5,
                calcification=6,
                lobulation=int(rng.integers(1, 3)),
                spiculation=int(np.clip(round(1 + 5 * height + rng.normal(0, 0.3)), 1, 5)),
                malignancy=int(np.clip(round(radius + rng.normal(0, 0.3)) - 1, 1, 5)),
            )
            for _ in range(3)
        ]
    return tabled(from_contours(list(enumerate(shapes))))


def test_spikes_are_learned_as_spiculation_and_size_as_suspicion(table):
    scores = fit(table)
    held = np.array([is_held_out(patient) for patient in table.patient])
    assert 0 < held.sum() < len(held)
    means = nodule_means(table)
    assert spearman(scores["spiculation"](table.form[held]), means[held, 3]) > 0.8
    odds = scores["malignancy"](materials(table, means))[held]
    assert spearman(odds, means[held, 4]) > 0.8


def test_what_is_learned_does_not_depend_on_held_out_patients(table):
    held = np.array([is_held_out(patient) for patient in table.patient])
    assert fit(table) == fit(table.part(~held))


def test_every_nodule_weighs_the_same_however_many_readers_drew_it(table):
    part = table.part(np.array([0, 1, 2, 3]))
    assert row_weights(part).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0])


def test_a_reader_is_compared_with_the_others_alone(table):
    others = others_means(table)
    first = np.flatnonzero(table.nodule == "0-0")
    assert others[first[0], 3] == table.ratings[first[1:], 3].mean()
    alone = table.part(first[:2])
    assert np.isnan(others_means(alone)).all()


def test_an_outline_is_judged_by_our_attenuation_and_a_contour_by_the_readers(table):
    part = table.part(np.array([0, 0]))
    part.source[1] = OUTLINE
    part.attenuation[1] = "ground-glass"
    means = part.ratings.copy()
    rows = materials(part, means)
    assert part.source[0] == CONTOUR
    assert (
        rows[0].tolist()
        == malignancy_features(part.form[0], ground_glass=False, part_solid=False, calcified=False).tolist()
    )
    assert rows[1][-3:].tolist() == [1, 0, 0]


def test_the_command_writes_a_file_that_the_package_reads(table, tmp_path):
    table.save(tmp_path / "features.npz")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "training.lung_nodule.train_attributes",
            *("--features", tmp_path / "features.npz"),
            *("--model", tmp_path / "attributes.toml"),
            *("--figures", tmp_path / "figures.json"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    model = parse_model((tmp_path / "attributes.toml").read_text(encoding="utf-8"))
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["data"]["measured_patients"] + figures["data"]["trained_patients"] == 40
    value, low, high = figures["spiculation"]["contour_spearman"]
    assert low <= value <= high
    smooth, spiky = (
        shape_features(star(4.0, spacing_mm=CUBIC, spikes=16, height=h, width=0.1), CUBIC) for h in (0.0, 0.7)
    )
    assert model.spiculation(spiky) > model.spiculation(smooth)
