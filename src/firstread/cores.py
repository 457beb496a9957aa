"""The cores that this process may use, and work that is shared out among them."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def cores() -> int:
    """Return how many cores this process may use, at least 1."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def share_out(work: Callable[[T], object], parts: Iterable[T]) -> None:
    """Do `work` on each part, on as many threads as there are cores.

    For work that leaves Python's lock alone, as OpenCV and NumPy do with large arrays.

    Args:
        work: Called with each part. No two may write to the same place.
        parts: What there is to do.
    """
    with ThreadPoolExecutor(cores(), "share") as pool:
        for _ in pool.map(work, parts):
            pass
