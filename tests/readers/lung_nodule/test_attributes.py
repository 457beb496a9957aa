"""What is said of a nodule's form and calcium, and that it is said in codes."""

from importlib.resources import files

import numpy as np
import pytest

from firstread.findings import Mask
from firstread.findings.concepts import (
    ABSENT,
    CALCIFICATION,
    LOBULATION,
    MALIGNANCY_SCORE,
    PRESENT,
    SPICULATION,
    SPICULATION_SCORE,
)
from firstread.readers.lung_nodule.attributes import (
    attribute_model,
    attributes_of,
    malignancy_features,
    parse_model,
)
from firstread.readers.lung_nodule.shape import FEATURES, shape_features
from tests.readers.lung_nodule.bodies import star
from tests.readers.lung_nodule.synthetic import LUNG_HU, scan

SHIPPED = files("firstread.readers.lung_nodule") / "attributes.toml"
LOBES = {"spikes": 9, "height": 0.3, "width": 0.3}
SPIKES = {"spikes": 24, "height": 0.7, "width": 0.06}


def described(radius, *, hu=30.0, attenuation="solid", spacing=(1.25, 0.7, 0.7), **spikes):
    body = star(radius, spacing_mm=spacing, **spikes)
    volume = scan([], half_mm=2 * radius + 8, pixel_mm=spacing[1], slice_mm=spacing[0])
    corner = (np.array(volume.hu.shape) - body.shape) // 2
    box = tuple(slice(a, a + n) for a, n in zip(corner, body.shape, strict=True))
    volume.hu[box][body] += np.int16(hu - LUNG_HU)
    return attributes_of(volume, Mask(voxels=body, offset=tuple(int(c) for c in corner)), attenuation)


@pytest.mark.parametrize("spacing", [(1.25, 0.7, 0.7), (2.5, 0.7, 0.7)])
def test_a_spiky_nodule_is_more_spiculated_than_a_ball(spacing):
    ball, lobed, spiky = (described(7.0, spacing=spacing, **form) for form in ({}, LOBES, SPIKES))
    assert spiky.spiculation > ball.spiculation
    assert lobed.lobulation > ball.lobulation
    assert not ball.spiculated
    assert not ball.lobulated


def test_suspicion_rises_with_size_and_spikes_and_falls_with_calcium():
    small, large = described(2.5), described(10.0, **SPIKES)
    assert small.malignancy < 0.3 < 0.7 < large.malignancy
    calcified = described(10.0, hu=600.0, **SPIKES)
    assert calcified.calcified
    assert calcified.malignancy < large.malignancy


def test_scores_stay_within_their_ranges():
    for one in (described(1.5), described(16.0, **SPIKES)):
        assert 1 <= one.spiculation <= 5
        assert 1 <= one.lobulation <= 5
        assert 0 <= one.malignancy <= 1


def test_a_nodule_called_calcified_is_said_to_hold_calcium():
    assert described(6.0, attenuation="calcified").calcified
    assert not described(6.0).calcified


def test_every_property_is_coded_present_or_absent_and_every_score_has_a_unit():
    ball = described(6.0, hu=600.0)
    said = {one.concept.value: one.value for one in ball.coded}
    assert said == {CALCIFICATION.value: PRESENT, SPICULATION.value: ABSENT, LOBULATION.value: ABSENT}
    assert {one.unit for one in ball.measurements} == {"{score}"}
    scores = {one.concept: one.value for one in ball.measurements}
    assert scores[SPICULATION_SCORE] == ball.spiculation
    assert scores[MALIGNANCY_SCORE] == ball.malignancy
    assert "research score" in MALIGNANCY_SCORE.meaning


def test_the_same_nodule_cut_into_thick_slices_keeps_its_scores():
    thin, thick = (described(9.0, spacing=(mm, 0.7, 0.7), **LOBES) for mm in (0.8, 2.5))
    assert thick.spiculation == pytest.approx(thin.spiculation, abs=0.6)
    assert thick.lobulation == pytest.approx(thin.lobulation, abs=0.6)
    assert thick.malignancy == pytest.approx(thin.malignancy, abs=0.15)


def test_the_shipped_coefficients_say_what_they_were_learned_from():
    text = SHIPPED.read_text(encoding="utf-8")
    model = parse_model(text)
    assert model == attribute_model()
    assert 'licence = "CC BY 3.0"' in text
    assert "[figures.malignancy]" in text
    assert model.malignancy.threshold is None


def test_coefficients_for_other_features_are_refused():
    text = SHIPPED.read_text(encoding="utf-8").replace('"sphericity"', '"roundness"')
    with pytest.raises(ValueError, match="other features"):
        parse_model(text)


def test_a_feature_far_outside_training_moves_a_score_no_further():
    score = attribute_model().spiculation
    form = np.array(score.mean)
    far, further = form.copy(), form.copy()
    far[1] += 10 * score.scale[1]
    further[1] += 1000 * score.scale[1]
    assert score(far) == score(further)


def test_material_is_appended_to_form():
    form = shape_features(star(6.0, spacing_mm=(1.0, 1.0, 1.0)), (1.0, 1.0, 1.0))
    features = malignancy_features(form, ground_glass=False, part_solid=True, calcified=False)
    assert len(features) == len(FEATURES) + 4
    assert list(features[-3:]) == [0, 1, 0]
