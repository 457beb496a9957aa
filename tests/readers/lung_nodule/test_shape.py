"""Numbers of form: of balls, lobes and spikes, on thin and thick slices."""

import numpy as np
import pytest

from firstread.readers.lung_nodule.shape import FEATURES, shape_features, signed_distance
from tests.readers.lung_nodule.bodies import star

THIN, THICK = (1.0, 0.7, 0.7), (2.5, 0.7, 0.7)


def form(radius, spacing=THIN, **spikes):
    values = shape_features(star(radius, spacing_mm=spacing, **spikes), spacing)
    return dict(zip(FEATURES, values, strict=True))


@pytest.mark.parametrize("spacing", [THIN, THICK])
@pytest.mark.parametrize("radius", [4.0, 8.0, 16.0])
def test_a_ball_is_round_and_of_its_size(radius, spacing):
    ball = form(radius, spacing)
    assert np.exp(ball["log_diameter"]) == pytest.approx(2 * radius, rel=0.16)
    assert ball["sphericity"] > 0.9
    assert ball["solidity"] > 0.9
    assert ball["concavity"] < 0.02
    assert ball["elongation"] < 0.1


@pytest.mark.parametrize("radius", [6.0, 12.0])
def test_spikes_are_told_from_a_ball_and_from_lobes(radius):
    ball = form(radius)
    lobed = form(radius, spikes=9, height=0.3, width=0.3)
    spiky = form(radius, spikes=24, height=0.7, width=0.06)
    assert ball["sphericity"] > lobed["sphericity"] > spiky["sphericity"]
    assert ball["solidity"] > lobed["solidity"] > spiky["solidity"]
    assert ball["concavity"] < lobed["concavity"]
    assert ball["branches"] < spiky["branches"]
    assert ball["slice_spikes"] < spiky["slice_spikes"]


def test_an_ellipsoid_is_as_long_as_it_is():
    k, j, i = np.indices((41, 41, 61)) - np.array([20, 20, 30])[:, None, None, None]
    body = (k / 10) ** 2 + (j / 10) ** 2 + (i / 20) ** 2 < 1
    values = dict(zip(FEATURES, shape_features(body, (0.7, 0.7, 0.7)), strict=True))
    assert np.exp(values["elongation"]) == pytest.approx(2.0, rel=0.08)
    assert np.exp(values["flatness"]) == pytest.approx(1.0, abs=0.05)


def test_form_does_not_depend_on_size():
    small, large = (form(radius, spikes=9, height=0.3, width=0.3) for radius in (7.0, 14.0))
    for name in ("sphericity", "solidity", "radial_spread", "slice_solidity", "elongation"):
        assert small[name] == pytest.approx(large[name], abs=0.06)


def test_form_does_not_depend_on_direction():
    still, turned = (form(9.0, spikes=9, height=0.4, width=0.3, turned_degrees=a) for a in (0, 35))
    for name in ("sphericity", "solidity", "radial_spread", "concavity", "curvature"):
        assert still[name] == pytest.approx(turned[name], abs=0.05)
    body = star(9.0, spacing_mm=(0.7, 0.7, 0.7), spikes=9, height=0.4, width=0.3)
    one = shape_features(body, (0.7, 0.7, 0.7))
    other = shape_features(body[:, ::-1, ::-1], (0.7, 0.7, 0.7))
    assert one == pytest.approx(other, abs=0.03)


def test_thick_slices_change_little():
    thin, thick = (form(10.0, spacing, spikes=9, height=0.3, width=0.3) for spacing in (THIN, THICK))
    for name in ("log_diameter", "sphericity", "solidity", "slice_solidity"):
        assert thin[name] == pytest.approx(thick[name], abs=0.08)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 6), (5, 1, 1), (2, 2, 2)])
def test_what_is_hardly_a_body_still_has_finite_numbers(shape):
    values = shape_features(np.ones(shape, bool), THICK)
    assert np.isfinite(values).all()


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="empty"):
        shape_features(np.zeros((3, 3, 3), bool), THIN)


def test_a_mass_is_brought_to_a_grid_of_bounded_size():
    field, step = signed_distance(star(40.0, spacing_mm=THICK), THICK)
    assert max(field.shape) < 80
    assert (field > 0).sum() * step**3 == pytest.approx(4 / 3 * np.pi * 40**3, rel=0.05)
