import numpy as np
import pytest

from firstread.findings import Algorithm, Structure
from firstread.findings.concepts import LUNG
from firstread.readers.lung_nodule.register import boxes_of, register
from tests.readers.lung_nodule.lungs import NODULES, affine, cut, lungs, to_current

BREATHS = {
    "shifted": affine(shift=(20, -15, 60)),
    "less inspired": affine(scale=(1.05, 1.08, 1.15), shift=(5, 0, -30)),
    "turned about z": affine(degrees=5, shift=(0, 10, 0)),
    "turned about x, more inspired": affine(degrees=5, axis=0, scale=(0.97, 0.95, 0.88), shift=(-10, 5, 25)),
}


@pytest.fixture(scope="module")
def prior():
    return lungs(np.eye(4))


def fit(current, prior):
    return register(boxes_of((), current), boxes_of((), prior), current_lungs=current, prior_lungs=prior)


@pytest.mark.parametrize("truth", BREATHS.values(), ids=BREATHS.keys())
def test_nodules_land_within_3_mm_of_their_old_place(prior, truth):
    found = fit(lungs(truth), prior)
    error = np.linalg.norm(found.to_prior(to_current(NODULES, truth)) - NODULES, axis=1)
    assert error.max() < 3.0
    assert found.method == "surfaces"
    assert found.plausible
    assert found.residual_mm < 1.0


def test_one_lung_is_enough(prior):
    truth = BREATHS["less inspired"]
    found = fit(lungs(truth, sides=("right",)), prior)
    right = NODULES[NODULES[:, 0] < 0]
    error = np.linalg.norm(found.to_prior(to_current(right, truth)) - right, axis=1)
    assert error.max() < 3.0


@pytest.mark.parametrize(("first", "last"), [(30, 100), (0, 70), (30, 70)])
def test_a_scan_of_part_of_the_lungs_is_fitted_too(prior, first, last):
    truth = BREATHS["less inspired"]
    current = cut(lungs(truth), first=first, last=last)
    places = to_current(NODULES, truth)
    slices = current.geometry.to_index(places)[:, 0]
    shown = (slices > 0) & (slices < last - first)
    error = np.linalg.norm(fit(current, prior).to_prior(places) - NODULES, axis=1)[shown]
    assert len(error) >= 4
    assert error.max() < 3.0


def test_boxes_alone_take_up_shift_and_breath(prior):
    truth = BREATHS["less inspired"]
    found = register(boxes_of((), lungs(truth)), boxes_of((), prior))
    error = np.linalg.norm(found.to_prior(to_current(NODULES, truth)) - NODULES, axis=1)
    assert found.method == "boxes"
    assert error.max() < 3.0


def test_there_and_back_is_the_same_place(prior):
    found = fit(lungs(BREATHS["turned about z"]), prior)
    assert found.to_current(found.to_prior(NODULES)) == pytest.approx(NODULES)


def test_the_same_lungs_give_the_same_map(prior):
    current = lungs(BREATHS["less inspired"])
    assert np.array_equal(fit(current, prior).affine, fit(current, prior).affine)


def test_lungs_of_another_size_are_not_plausible(prior):
    assert not fit(lungs(affine(scale=(1.6, 1.6, 1.6))), prior).plausible
    assert not register(
        {"left": ((0, 0, 0), (100, 150, 250))}, {"left": ((0, 0, 0), (100, 150, 90))}
    ).plausible


def test_without_a_lung_in_common_nothing_is_claimed():
    found = register({"left": ((0, 0, 0), (100, 150, 250))}, {"right": ((0, 0, 0), (100, 150, 250))})
    assert (found.method, found.plausible) == ("none", False)
    assert found.to_prior((1, 2, 3)) == pytest.approx((1, 2, 3))


@pytest.mark.parametrize("size", [(float("nan"), 1, 1), (1e300, 100, 100), (0, 0, 0), (-100, 100, 100)])
def test_an_impossible_box_takes_no_part(size):
    algorithm = Algorithm(name="lungs", version="1")
    lung = Structure(
        name="left lung",
        site=LUNG,
        laterality="left",
        volume_mm3=2e6,
        center_lps_mm=(0, 0, 0),
        size_mm=size,
        algorithm=algorithm,
    )
    assert boxes_of([lung], None) == {}
