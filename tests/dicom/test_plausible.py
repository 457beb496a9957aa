"""A slice that is unlike its neighbours is found; anatomy, noise and metal are not mistaken for damage."""

import numpy as np

from firstread.dicom.plausible import implausible_slices
from tests.dicom.ct_series import anatomy

HU = anatomy(12, 64, seed=7)
ALL = np.ones(12, bool)


def test_clean_slices_are_plausible() -> None:
    assert implausible_slices(HU, ALL).size == 0


def test_a_band_of_garbage_is_found() -> None:
    damaged = HU.copy()
    damaged[6, 40:] = np.random.default_rng(0).integers(-1024, 3000, (24, 64))
    assert implausible_slices(damaged, ALL).tolist() == [6]


def test_a_blank_slice_is_found_next_to_an_unreadable_one() -> None:
    damaged, readable = HU.copy(), ALL.copy()
    damaged[3] = 1500
    damaged[4] = -1024
    readable[3] = False
    assert implausible_slices(damaged, readable).tolist() == [4]


def test_a_bright_spot_of_one_slice_is_no_damage() -> None:
    spotted = HU.copy()
    spotted[6, 30:34, 30:34] = 3071
    assert implausible_slices(spotted, ALL).size == 0
