import numpy as np
import pytest

from firstread.readers.lung_nodule.detect import trimmed
from firstread.readers.lung_nodule.grid import reading_grid

LOWER = np.array([-120.0, -80.0, -300.0])


@pytest.mark.parametrize(
    ("spacing_mm", "shape", "kept"),
    [
        (1.0, (304, 211, 289), (304, 208, 288)),
        (1.0, (309, 212, 303), (309, 208, 303)),  # five voxels are five millimetres of margin
        (2.0, (34, 35, 36), (32, 35, 36)),
        (1.0, (3, 16, 20), (3, 16, 16)),  # less than a step is all there is
    ],
)
def test_a_few_voxels_at_the_far_ends_that_cost_a_step_are_left_out(spacing_mm, shape, kept):
    upper = LOWER + (np.array(shape[::-1]) - 1) * spacing_mm
    grid = reading_grid(LOWER, upper, spacing_mm=spacing_mm)
    assert grid.shape == shape
    found = trimmed(grid, (16, 16, 16))
    assert found.shape == kept
    assert np.array_equal(found.affine, grid.affine)
    assert trimmed(grid, (1, 1, 1)).shape == shape
