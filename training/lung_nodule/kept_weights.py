"""Weights in half precision, small enough to keep: to go on from, and to measure the folds again.

    python -m training.lung_nodule.kept_weights out/training/detector-a/weights.pt --out training/lung_nodule/weights

Writes `detector-a.safetensors`, named after the folder. `weights/` holds those of what ships and of both folds.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def read(path: Path) -> dict[str, Tensor]:
    """Return a network's weights as float32, from `.safetensors` or from `torch.save` (nothing but weights)."""
    if path.suffix == ".safetensors":
        weights = load_file(path)
    else:
        weights = torch.load(path, weights_only=True, map_location="cpu")
    return {name: w.float() if w.is_floating_point() else w for name, w in weights.items()}


def keep(source: Path, folder: Path) -> Path:
    """Write weights in half precision; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.absolute().parent.name}.safetensors"
    halved = {name: w.half() if w.is_floating_point() else w for name, w in read(source).items()}
    save_file({name: w.contiguous() for name, w in halved.items()}, path)
    return path


def main() -> None:
    """Keep the weights that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path, nargs="+", help="weights.pt of a trainer")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for source in options.weights:
        path = keep(source, options.out)
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
