"""How much may be missing before a volume is refused."""

import numpy as np
import numpy.typing as npt

from firstread.errors import RefusedInput

LARGEST_STEP_MM = 7.5
LARGEST_GAP_MM = 7.5
"""A gap that could hide a nodule of 8 mm, which Lung-RADS v2022 puts into category 4, is not interpolated."""

LARGEST_SHARE = 0.1
"""Of the grid's slices that may be interpolated."""


LEAST_COVERAGE_MM = 20.0
LEAST_SLICES = 4


def check_extent(along_mm: npt.NDArray[np.float64], name: str) -> None:
    """Check that slices at these ascending places cover enough of the chest to be read.

    Raises:
        RefusedInput: they do not.
    """
    covered = float(np.ptp(along_mm) * len(along_mm) / max(1, len(along_mm) - 1)) if len(along_mm) else 0.0
    if len(along_mm) < LEAST_SLICES or covered < LEAST_COVERAGE_MM:
        raise RefusedInput(
            f"{name} has {len(along_mm)} usable slice(s) that cover {covered:.0f} mm; at least "
            f"{LEAST_COVERAGE_MM:.0f} mm of the chest are needed.",
            remedy="Give the complete series.",
        )


def check_gaps(
    index: npt.NDArray[np.float64], step_mm: float, name: str, *, share: float = LARGEST_SHARE
) -> int:
    """Return how many grid slices between the given ascending places are missing.

    Args:
        index: Places on the grid, ascending.
        step_mm: Distance between grid slices.
        name: What the message calls the series.
        share: Of the grid's slices that may be missing.

    Raises:
        RefusedInput: one gap, or all of them together, are too large to interpolate.
    """
    missing = np.maximum(0.0, np.diff(index) - 1)
    total = int(np.rint(missing.sum()))
    grid = float(index[-1] - index[0]) + 1
    widest = float(missing.max(initial=0.0)) * step_mm
    if widest > LARGEST_GAP_MM or total > max(1.0, share * grid):
        raise RefusedInput(
            f"{name}: {total} of {grid:.0f} slices are missing or damaged, the widest gap {widest:.1f} mm; "
            f"at most {LARGEST_GAP_MM} mm and {share:.0%} can be interpolated.",
            remedy="Send the complete series again from the scanner or PACS.",
        )
    return total
