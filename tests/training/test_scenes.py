"""The truth of scenes."""

import numpy as np

from training.lung_nodule.backgrounds import Background
from training.lung_nodule.scenes import AIR_HU, LEAST_NEW, ShapeStore, long_mm, make_scene
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
