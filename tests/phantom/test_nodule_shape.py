import numpy as np
import pytest

from firstread.phantom.nodule_shape import NoduleShape, measure


def grid(reach, step):
    line = np.arange(-reach, reach + step, step)
    zz, yy, xx = np.meshgrid(line, line, line, indexing="ij")
    return np.stack([xx, yy, zz], axis=-1), line


def test_a_ball_measures_what_it_is():
    offset, line = grid(6, 0.1)
    reading = measure(np.linalg.norm(offset, axis=-1) < 5, 0.1, np.full(3, line[0]))
    assert reading.diameters.long == pytest.approx(10, abs=0.15)
    assert reading.diameters.short == pytest.approx(10, abs=0.15)
    assert reading.volume_mm3 == pytest.approx(4 / 3 * np.pi * 125, rel=0.01)
    assert np.allclose(reading.middle, 0, atol=0.05)


def test_an_ellipse_across_the_slice_gives_its_axes_whatever_its_direction():
    offset, line = grid(8, 0.1)
    turned = np.deg2rad(35)
    u = offset[..., 0] * np.cos(turned) + offset[..., 1] * np.sin(turned)
    v = -offset[..., 0] * np.sin(turned) + offset[..., 1] * np.cos(turned)
    reading = measure((u / 7) ** 2 + (v / 4) ** 2 + (offset[..., 2] / 7.5) ** 2 < 1, 0.1, np.full(3, line[0]))
    assert reading.diameters.long == pytest.approx(14, abs=0.2)
    assert reading.diameters.short == pytest.approx(8, abs=0.2)


@pytest.mark.parametrize("margin", ["smooth", "lobulated", "spiculated"])
def test_a_form_scales_with_its_radius(margin):
    shape = NoduleShape.drawn(np.random.default_rng(2), radius=5, margin=margin)
    offset, _ = grid(9, 0.25)
    small = (shape.distance(offset) < 0).sum()
    large = (shape.scaled(1.2).distance(offset) < 0).sum()
    assert large / small == pytest.approx(1.2**3, rel=0.02)
    assert bool(shape.spicule_ends()) == (margin == "spiculated")


def test_lobules_make_the_outline_wavier():
    def waviness(margin):
        spread = []
        for seed in range(8):
            shape = NoduleShape.drawn(np.random.default_rng(seed), radius=5, margin=margin)
            angle = np.linspace(0, 2 * np.pi, 90)
            rim = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1) * 5
            spread.append(np.abs(np.diff(shape.distance(rim))).mean())
        return np.mean(spread)

    assert waviness("lobulated") > 1.5 * waviness("smooth")
