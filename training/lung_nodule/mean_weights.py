"""The mean of a network's weights before and after it was trained further with batch norm held.

    python -m training.lung_nodule.mean_weights BEFORE AFTER --out DIR

Halfway between the two a network keeps what the further training unlearns, beside what it learns (Wortsman et al.,
Robust fine-tuning of zero-shot models, CVPR 2022): here, masses as large as few that are inserted. Writes `weights.pt`.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from training.lung_nodule.kept_weights import read


def mean(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of two sets of weights.

    Raises:
        ValueError: batch norm's statistics differ: halfway between two scales a network says nothing.
    """
    for name, values in after.items():
        # Kept weights are halves.
        if name.endswith(("running_mean", "running_var")) and not torch.allclose(
            values, before[name], rtol=2e-3, atol=1e-4
        ):
            raise ValueError(f"{name} differs: hold batch norm's statistics (train_detector.py --fixed-norm)")
    return {
        name: (before[name] + values) / 2 if values.is_floating_point() else values
        for name, values in after.items()
    }


def main() -> None:
    """Write the mean."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, help="weights that the further training started from")
    parser.add_argument("after", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(mean(read(options.before), read(options.after)), options.out / "weights.pt")


if __name__ == "__main__":
    main()
