"""Slices whose pixels cannot be the patient's: what a flipped bit leaves behind that no decoder notices."""

import numpy as np
import numpy.typing as npt

_BANDS = 16
_STRIDE = 4
_SOFT_TISSUE_TOP = 1024
_TIMES = 3.0
_MARGIN_HU = 100.0


def implausible_slices(hu: npt.NDArray[np.int16], readable: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Find slices that differ from both neighbours far more than these differ from each other.

    Anatomy changes along the patient: two slices apart it differs at least about as much as one slice apart.
    A slice that was damaged in a way that still decodes is, in some band of rows, unlike both of its
    neighbours, which are alike. Only a slice between two readable ones is judged.

    Args:
        hu: HU (slice, row, column).
        readable: Which slices hold pixels at all.

    Returns:
        Indices of the implausible slices, ascending.
    """
    kept = np.flatnonzero(readable)
    rows = hu.shape[1]
    edges = np.unique(np.linspace(0, rows, min(_BANDS, rows) + 1).astype(int))[:-1]

    def sample(n: int) -> npt.NDArray[np.int16]:
        return np.clip(hu[n, :, ::_STRIDE], None, _SOFT_TISSUE_TOP)

    def unlike(a: npt.NDArray[np.int16], b: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
        """Mean absolute difference in each band of rows."""
        per_row = np.abs(a - b).mean(axis=1)
        return np.add.reduceat(per_row, edges) / np.diff([*edges, rows])

    if len(kept) < 3:
        return np.empty(0, np.intp)
    before, here = sample(int(kept[0])), sample(int(kept[1]))
    to_before = unlike(before, here)
    found = []
    for n in range(1, len(kept) - 1):
        after = sample(int(kept[n + 1]))
        to_after = unlike(here, after)
        across = unlike(before, after)
        if np.any(np.minimum(to_before, to_after) > _TIMES * across + _MARGIN_HU):
            found.append(int(kept[n]))
        before, here, to_before = here, after, to_after
    return np.array(found, np.intp)
