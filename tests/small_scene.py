"""Scenes of balls in even lung: what training learns from, small."""

import numpy as np

from training.lung_nodule.scene_files import stored, write
from training.lung_nodule.scenes import Placed, Scene


def scene(*nodules: Placed, shape=(90, 84, 88)):
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    hu, cover = np.full(shape, -890, np.int16), np.zeros(shape, np.uint8)
    for number, nodule in enumerate(nodules, start=1):
        away = sum((g - c) ** 2 for g, c in zip((z, y, x), nodule.centre, strict=True))
        ball = away <= (nodule.diameter_mm / 2) ** 2
        hu[ball], cover[ball] = 40, number
    return Scene(hu, np.ones(shape, np.uint8), cover, nodules, "as acquired")


def nodule(centre=(44, 40, 46), diameter=8.0, readers=4, site="parenchymal"):
    return Placed(centre, diameter, "solid", site, readers, diameter)


def written(folder, *nodules, number=0, empty=3):
    write(scene(*nodules), np.random.default_rng(0), folder / f"scene-{number}", empty=empty)
    return stored(folder)[-1]
