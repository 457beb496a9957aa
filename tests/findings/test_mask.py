import tracemalloc

import numpy as np
import pytest

from firstread.findings import Mask


@pytest.mark.parametrize("label", [1, 2, 3])
def test_the_mask_of_a_label_is_that_of_the_whole_comparison_cropped(label):
    labels = np.zeros((9, 8, 7), np.uint8)
    labels[2:5, 1:4, 3:6] = 1
    labels[3, 2, 4] = 2
    labels[8, 7, 6] = 2
    found, expected = Mask.of_label(labels, label), Mask.crop(labels == label)
    assert found.offset == expected.offset
    np.testing.assert_array_equal(found.voxels, expected.voxels)


def test_the_mask_of_a_label_needs_no_array_of_the_whole_volume():
    labels = np.zeros((200, 100, 100), np.uint8)
    labels[100:110, 40:60, 40:60] = 1
    tracemalloc.start()
    try:
        Mask.of_label(labels, 1)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < labels.nbytes / 10
