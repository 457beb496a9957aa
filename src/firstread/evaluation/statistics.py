"""A figure, how many it rests on, and how sure it is.

Nodules of one patient resemble each other, so intervals are drawn by patient (percentile bootstrap): all scans of a
patient are in or out together. Where every case succeeded the bootstrap says "certain" however few there were; for
shares the Wilson interval, which knows the number but takes cases as independent, stands beside it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DRAWS = 1000
"""As in LUNA16's evaluation."""
SEED = 20160
"""Of the drawing: the same data give the same interval."""
LEVEL = (2.5, 97.5)
"""Percentiles of a 95 % interval."""
_WILSON_Z = 1.959964


class Value(BaseModel):
    """A frozen part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Value):
    """A figure with its number of cases and its 95 % interval."""

    value: float | None = Field(description="None where there is no case to tell it from")
    low: float | None = Field(default=None, description="95 % interval, patients drawn anew")
    high: float | None = None
    n: int = Field(description="cases that it rests on")
    wilson: tuple[float, float] | None = Field(
        default=None, description="shares only: 95 % Wilson interval, cases taken as independent"
    )


def draws(patients: Sequence[str], *, count: int = DRAWS, seed: int = SEED) -> Ints:
    """Draw patients anew, with replacement.

    Args:
        patients: The patient of each scan.
        count: How often.
        seed: Of the random numbers.

    Returns:
        Array [count, scans]: how often each scan is in each drawing. No row where there are fewer than two patients:
        there is nothing to tell the spread from.
    """
    names, which = np.unique(np.asarray(patients, str), return_inverse=True)
    if len(names) < 2:
        return np.zeros((0, len(patients)), np.int64)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
    drawn: Ints = times[:, which].astype(np.int64)
    return drawn


def interval(values: npt.ArrayLike) -> tuple[float | None, float | None]:
    """Return the 95 % percentiles of bootstrap values, those that are not numbers left out; None without any."""
    kept = np.asarray(values, float)
    kept = kept[np.isfinite(kept)]
    if not kept.size:
        return None, None
    low, high = np.percentile(kept, LEVEL)
    return float(low), float(high)


def wilson(hits: int, n: int) -> tuple[float, float] | None:
    """Return the 95 % Wilson score interval of a share (Wilson 1927); None for no case."""
    if n == 0:
        return None
    z2 = _WILSON_Z**2
    middle = (hits + z2 / 2) / (n + z2)
    half = _WILSON_Z * float(np.sqrt(hits * (n - hits) / n + z2 / 4)) / (n + z2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def estimate(
    figure: Callable[[Ints], float], patients: Sequence[str], *, count: int = DRAWS, seed: int = SEED
) -> Estimate:
    """Return a figure of rows with its interval.

    Args:
        figure: From the numbers of the rows to take (some of them several times) to the figure; may be nan.
        patients: The patient of each row.
        count: How often patients are drawn.
        seed: Of the drawing.
    """
    rows = np.arange(len(patients))
    if not rows.size:
        return Estimate(value=None, n=0)
    low, high = interval(
        [figure(np.repeat(rows, times)) for times in draws(patients, count=count, seed=seed)]
    )
    value = figure(rows)
    return Estimate(value=value if np.isfinite(value) else None, low=low, high=high, n=len(rows))


def share(hits: npt.ArrayLike, patients: Sequence[str]) -> Estimate:
    """Return the share of rows that are true, with both intervals."""
    true = np.asarray(hits, bool)
    told = estimate(lambda rows: float(true[rows].mean()), patients)
    return told.model_copy(update={"wilson": wilson(int(true.sum()), len(true))})


def mean(values: npt.ArrayLike, patients: Sequence[str]) -> Estimate:
    """Return the mean of a number a row."""
    numbers = np.asarray(values, float)
    return estimate(lambda rows: float(numbers[rows].mean()), patients)


def median(values: npt.ArrayLike, patients: Sequence[str]) -> Estimate:
    """Return the median of a number a row."""
    numbers = np.asarray(values, float)
    return estimate(lambda rows: float(np.median(numbers[rows])), patients)
