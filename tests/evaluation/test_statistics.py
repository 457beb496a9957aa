import numpy as np
import pytest

from firstread.evaluation.statistics import draws, estimate, mean, median, share, wilson


def test_the_wilson_interval_is_the_published_one():
    # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=1e-4)


def test_no_case_gives_no_figure():
    assert wilson(0, 0) is None
    assert mean([], []).model_dump() == {"value": None, "low": None, "high": None, "n": 0, "wilson": None}


def test_scans_of_one_patient_are_drawn_together():
    drawn = draws(["a", "b", "a", "c"], count=200)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, [0, 1, 3]].sum(1) == 3).all()
    assert len(np.unique(drawn[:, 1])) > 2


def test_one_patient_alone_has_no_interval():
    told = mean([1.0, 2.0], ["a", "a"])
    assert (told.value, told.low, told.high, told.n) == (1.5, None, None, 2)


def test_the_interval_of_a_mean_is_about_two_standard_errors():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    told = mean(values, [str(n) for n in range(400)])
    assert told.low is not None and told.high is not None
    assert (told.high - told.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_patients_with_many_rows_widen_the_interval():
    values = np.repeat([0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0], 10)
    together = mean(values, [str(n // 10) for n in range(80)])
    apart = mean(values, [str(n) for n in range(80)])
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_all_found_is_certain_for_the_bootstrap_and_not_for_wilson():
    told = share([True] * 5, list("abcde"))
    assert (told.value, told.low, told.high) == (1.0, 1.0, 1.0)
    assert told.wilson == pytest.approx((0.5655, 1.0), abs=1e-3)


def test_the_same_rows_give_the_same_interval_in_every_run():
    values, patients = [1.0, 4.0, 2.0, 8.0], list("abcd")
    assert median(values, patients) == median(values, patients)


def test_a_figure_that_is_undefined_in_some_drawings_keeps_the_others():
    told = estimate(lambda rows: float("nan") if 0 not in rows else 1.0, list("abc"))
    assert (told.value, told.low, told.high) == (1.0, 1.0, 1.0)
