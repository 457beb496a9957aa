"""The truth of scenes."""

import numpy as np

from training.lung_nodule.scenes import long_mm


def test_the_long_diameter_is_that_of_the_slice_where_it_is_longest():
    body = np.zeros((4, 20, 20), bool)
    body[1, 3, 4:14] = True
    body[:, 3, 4] = True
    assert long_mm(body) == 10
    assert long_mm(body.swapaxes(0, 2)) < 10
    assert long_mm(np.zeros((2, 3, 3), bool)) == 0
