"""What the comparison has to show, and whether it does."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PRODUCT_EACH, PRODUCT_MEAN, ENGINE_MEAN = 10.0, 15.0, 2.0
"""How many times as fast: firstread on each task, over all tasks (geometric mean), and its engine alone."""
MOST_LOST = {"Dice": 0.005, "sensitivity": 0.005, "AUC": 0.005}
"""Against PyTorch, at most; of 1."""
LEAST_SHARE = 0.60
"""Of the least time that the detector's operations take on this host at its measured peak."""


@dataclass(frozen=True)
class Verdict:
    """A bar, what was reached, and whether that is enough; `met` is None where it could not be judged."""

    bar: str
    reached: str
    met: bool | None

    def __str__(self) -> str:
        word = {True: "met", False: "NOT MET", None: "not judged"}[self.met]
        return f"{word}: {self.bar}: {self.reached}"


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(math.log(value) for value in values) / len(values))


def speed(product: Mapping[str, float], engine: Mapping[str, float]) -> list[Verdict]:
    """Judge ratios to the first way by task: of firstread, and of its engine alone."""
    verdicts = [
        Verdict(f"{task}, product, at least {PRODUCT_EACH:g}x", f"{ratio:.1f}x", ratio >= PRODUCT_EACH)
        for task, ratio in product.items()
    ]
    whole, alone = (geometric_mean(list(ratios.values())) for ratios in (product, engine))
    return [
        *verdicts,
        Verdict(
            f"product, geometric mean at least {PRODUCT_MEAN:g}x", f"{whole:.1f}x", whole >= PRODUCT_MEAN
        ),
        Verdict(f"engine, geometric mean at least {ENGINE_MEAN:g}x", f"{alone:.1f}x", alone >= ENGINE_MEAN),
    ]


def lost(measure: str, first: float | None, shipped: float | None, n: str) -> Verdict:
    """Judge what firstread lost of a measure against the first way; `n` says on how much it was measured."""
    most = MOST_LOST[measure]
    bar = f"{measure} drop at most {most:g}"
    if first is None or shipped is None:
        return Verdict(bar, f"there is nothing to measure it on ({n})", None)
    drop = first - shipped
    # What is compared are ratios of whole numbers: a drop of exactly the limit is within it.
    return Verdict(bar, f"{first:.4f} to {shipped:.4f}, {drop:+.4f} ({n})", drop <= most + 1e-9)


def peak_share(floor_s: float, network_s: float) -> Verdict:
    """Judge how near detection comes to the least time that its operations take."""
    share = floor_s / network_s
    told = f"{share:.0%}: floor {floor_s:.2f} s, took {network_s:.2f} s, gap {network_s - floor_s:.2f} s"
    return Verdict(f"detection, at least {LEAST_SHARE:.0%} of the measured peak", told, share >= LEAST_SHARE)
