"""The truth of scenes."""

import numpy as np

from training.lung_nodule.backgrounds import SOLID, Background, Marked
from training.lung_nodule.drawing import AIR_HU, LEAST_NEW
from training.lung_nodule.scenes import POINTED_AT, ShapeStore, long_mm, make_scene
from training.lung_nodule.score import scene_nodules
from training.lung_nodule.shapes import balls


def test_the_long_diameter_is_that_of_the_slice_where_it_is_longest():
    body = np.zeros((4, 20, 20), bool)
    body[1, 3, 4:14] = True
    body[:, 3, 4] = True
    assert long_mm(body) == 10
    assert long_mm(body.swapaxes(0, 2)) < 10
    assert long_mm(np.zeros((2, 3, 3), bool)) == 0


def test_a_nodule_lies_where_air_was():
    """In a lung half full of vessels a third of a nodule may lie on one, no more."""
    rng = np.random.default_rng(3)
    shape = (120, 120, 120)
    hu = np.full(shape, -880, np.int16)
    hu[:, :, ::24], hu[:, :, 1::24], hu[:, :, 2::24], hu[:, :, 3::24] = 40, 40, 40, 40
    hu += rng.normal(0, 20, shape).astype(np.int16)
    chest = Background("striped", hu, np.ones(shape, np.uint8), 1.0, ())
    scene = make_scene(chest, ShapeStore(balls(60)), rng, nodules=150, distractors=0, as_acquired=True)
    assert len(scene.nodules) > 5
    shares = [float((hu[scene.cover == n] < AIR_HU).mean()) for n in range(1, len(scene.nodules) + 1)]
    assert min(shares) >= LEAST_NEW - 0.02
    assert min(shares) < 0.95, "some lie beside a vessel"


def test_a_place_that_readers_only_pointed_at_is_known_but_no_nodule_and_changes_no_scene():
    rng = np.random.default_rng(5)
    shape = (80, 90, 90)
    hu = (rng.normal(0, 20, shape) - 880).astype(np.int16)
    pointed_at = Marked((40.0, 45.0, 45.0), 10.0, 0, SOLID)
    scenes = [
        make_scene(
            Background("empty", hu, np.ones(shape, np.uint8), 1.0, marked),
            ShapeStore(balls(60)), np.random.default_rng(6), nodules=24, distractors=0, as_acquired=True,
        )
        for marked in ((), (pointed_at,))
    ]  # fmt: skip
    without, known = scenes
    assert len(without.nodules) > 2
    assert np.array_equal(without.hu, known.hu)
    assert known.nodules[1:] == without.nodules
    assert (known.nodules[0].site, known.nodules[0].readers) == (POINTED_AT, 0)
    assert not (known.cover == 1).any()
    assert not scene_nodules(known)[0].counts
