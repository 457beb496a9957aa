import numpy as np
import pytest

from firstread.phantom.raster import draw_tubes
from firstread.phantom.trees import EXPONENT, Tubes, airways, grow, vessels


@pytest.fixture(scope="module")
def tree():
    rng = np.random.default_rng(0)
    return grow(np.zeros(3), rng.uniform(10, 60, (300, 3)), rng)


def test_every_point_of_tissue_gets_an_end_branch(tree):
    assert (tree.served == 1).sum() == 300
    assert tree.served[0] == 300
    for index in range(1, len(tree.parent)):
        assert tree.parent[index] < index


def test_daughters_share_what_the_mother_serves(tree):
    for mother in np.flatnonzero(tree.served > 1):
        assert tree.served[tree.parent == mother].sum() == tree.served[mother]


def test_vessels_thin_out_towards_the_periphery(tree):
    tubes = vessels(tree, np.random.default_rng(0), tip_mm=0.4)
    assert tubes.start_radius.max() == pytest.approx(0.4 * 300 ** (1 / EXPONENT))
    assert (tubes.start_radius >= tubes.end_radius - 1e-9).mean() > 0.95
    assert tubes.end_radius.min() < 0.4


def test_bronchi_run_beside_arteries_and_not_in_them(tree):
    bronchi = airways(tree, tip_mm=0.4, smallest_mm=0.6, beside=np.array([1.0, 0, 0]))
    artery = 0.4 * tree.served ** (1 / EXPONENT)
    accompanied = 0.8 * artery >= 0.6
    assert 5 < accompanied.sum() == len(bronchi.end) < len(tree.end)
    apart = np.linalg.norm(bronchi.end - tree.end[accompanied], axis=1)
    assert (apart > artery[accompanied] + bronchi.end_radius).all()
    assert (apart < 4 * artery[accompanied]).all()


def test_a_tube_fills_the_volume_of_a_cylinder():
    cover = np.zeros((40, 64, 64), np.uint8)
    spacing = (1.25, 0.7, 0.7)
    tube = Tubes(
        np.array([[5.0, 20.0, 25.0]]), np.array([[38.0, 22.0, 24.0]]), np.array([3.0]), np.array([3.0])
    )
    draw_tubes(cover, tube, origin=(0, 0, 0), spacing=spacing)
    length = np.linalg.norm(tube.end - tube.start)
    expected = np.pi * 9 * length + 4 / 3 * np.pi * 27
    assert cover.sum() / 255 * np.prod(spacing) == pytest.approx(expected, rel=0.06)


def test_tubes_outside_the_grid_are_left_out():
    cover = np.zeros((8, 8, 8), np.uint8)
    far = Tubes(np.array([[500.0, 0, 0]]), np.array([[510.0, 0, 0]]), np.ones(1), np.ones(1))
    across = Tubes(np.array([[-20.0, 4, 4]]), np.array([[20.0, 4, 4]]), np.ones(1), np.ones(1))
    draw_tubes(cover, far, origin=(0, 0, 0), spacing=(1, 1, 1))
    assert not cover.any()
    draw_tubes(cover, across, origin=(0, 0, 0), spacing=(1, 1, 1))
    assert (cover[4, 4] == 255).all()
