"""Train the lung network: classical labels of healthy lungs, learned through images with disease added.

    python -m training.lung_nodule.train_lungs --chests FILE... --shapes work/shapes.pkl --out DIR --steps 900

`--chests` are npz files of `prepare.py`: `hu` int16 and `lungs` uint8 on cubic voxels of 3 mm. Every choice follows
from `--seed` and the step's number, so that `--resume` continues as if nothing had happened (to the bit with
`--exact`; bfloat16 sums differ a little from run to run). `weights.pt` holds the moving average of the weights, which
is what is packed; `state.pt` is for `--resume`.
"""

import argparse
import json
import math
import pickle
import time
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from training.lung_nodule.disease import Float, Labels, Patient, acquired, mass_bodies
from training.lung_nodule.kept_weights import read
from training.lung_nodule.networks import LungNetwork, norms

SHAPE = (80, 96, 128)
"""Voxels of a training crop: 240 × 288 × 384 mm."""
_EVERY = 25
_DISEASED_WEIGHT = 3.0
_CHANGED_HU = 150.0


def posed(hu: Float, lungs: Labels, rng: np.random.Generator) -> tuple[Float, Labels]:
    """Return one crop of `SHAPE` of a chest of another size and pose, sometimes mirrored or upside down."""
    if rng.random() < 0.5:
        hu, lungs = hu[:, :, ::-1], np.array([0, 2, 1], np.uint8)[lungs][:, :, ::-1]
    if rng.random() < 0.12:
        hu, lungs = hu[::-1], lungs[::-1]
    if rng.random() < 0.04:
        hu, lungs = hu[:, ::-1], lungs[:, ::-1]
    scale = rng.uniform(0.82, 1.22) * rng.uniform(0.9, 1.1, 3)
    turn = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(rng.normal(0, 7, 3))):
        a, b = [i for i in range(3) if i != axis]
        plane = np.eye(3)
        plane[a, a] = plane[b, b] = np.cos(angle)
        plane[a, b], plane[b, a] = -np.sin(angle), np.sin(angle)
        turn = turn @ plane
    matrix = turn / scale
    voxels = np.argwhere(lungs[::2, ::2, ::2] > 0) * 2
    # In the plane a tile holds the body; along z it holds any part of the chest.
    weight = np.array([0.65, 0.3, 0.3])
    middle = voxels[rng.integers(len(voxels))] * weight + voxels.mean(0) * (1 - weight)
    offset = middle - matrix @ (np.asarray(SHAPE) / 2 + rng.uniform(-8, 8, 3))
    crop = ndimage.affine_transform(hu, matrix, offset, output_shape=SHAPE, order=1, cval=-1000)
    truth = ndimage.affine_transform(lungs, matrix, offset, output_shape=SHAPE, order=0, cval=0)
    return crop.astype(np.float32), truth.astype(np.uint8)


def drawn(
    hu: Float, lungs: Labels, masses: list[tuple[Float, float]], rng: np.random.Generator
) -> tuple[Float, Labels, Float]:
    """Return one training sample: image, truth and the weight of each voxel, all of `SHAPE`."""
    crop, truth = posed(hu, lungs, rng)
    healthy = crop.copy()
    Patient(crop, truth, masses, rng).fall_ill()
    weight = np.where(crop - healthy > _CHANGED_HU, _DISEASED_WEIGHT, 1.0).astype(np.float32)
    image, seen = acquired(crop, truth, rng)
    return image, seen, weight


def _gather_statistics(
    network: LungNetwork,
    chests: list[tuple[Float, Labels]],
    masses: list[tuple[Float, float]],
    *,
    seed: int,
    count: int,
) -> None:
    """Set batch norm's statistics to the mean over samples.

    Samples differ much (a whole chest, a few slices in air). With one at a time the network learns to lean on each
    sample's own statistics and fails with the running ones: in the end it is trained with these fixed.
    """
    device = next(network.parameters()).device
    network.train()
    for norm in norms(network):
        norm.reset_running_stats()
        norm.momentum = None
    for number in range(count):
        rng = np.random.default_rng((seed, 1, number))
        image, _, _ = drawn(*chests[number % len(chests)], masses, rng)
        hu = torch.from_numpy(image)[None, None].to(device).contiguous(memory_format=torch.channels_last_3d)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
            network(hu)


def main() -> None:
    """Train for a number of steps, writing weights and a log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chests", type=Path, nargs="+", required=True)
    parser.add_argument("--shapes", type=Path, help="shapes.pkl of prepare.py: masses get readers' shapes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--average", type=float, default=0.99, help="decay of the moving average a step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--exact", action="store_true", help="FP32 throughout: repeats to the bit, half as fast"
    )
    parser.add_argument("--resume", action="store_true", help="continue from DIR/state.pt")
    parser.add_argument("--fixed-norm", action="store_true", help="batch norm with fixed statistics")
    parser.add_argument("--statistics", type=int, default=48, help="samples that they are gathered over")
    parser.add_argument("--start", type=Path, help="weights to start from")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    options.out.mkdir(parents=True, exist_ok=True)
    chests = []
    for path in options.chests:
        with np.load(path, allow_pickle=False) as stored:
            chests.append((stored["hu"].astype(np.float32), stored["lungs"]))
    masses = mass_bodies(pickle.loads(options.shapes.read_bytes())) if options.shapes else []
    network = LungNetwork().to(device, memory_format=torch.channels_last_3d)
    if options.start:
        network.load_state_dict(read(options.start))
    if options.fixed_norm and not options.resume:
        _gather_statistics(network, chests, masses, seed=options.seed, count=options.statistics)
    average = LungNetwork().to(device)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    first, spent = 0, 0.0
    if options.resume and (options.out / "state.pt").exists():
        state = torch.load(options.out / "state.pt", weights_only=True, map_location=device)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first, spent = state["step"], state["seconds"]
    started = time.perf_counter() - spent
    sums = np.zeros(3)
    network.train()
    if options.fixed_norm:
        for norm in norms(network):
            norm.eval()
    for step in range(first, options.steps):
        share = step / options.steps
        cosine = 0.5 * (1 + math.cos(math.pi * share))
        rate = options.rate * min((step + 1) / 40, 1.0) * (0.01 + 0.99 * cosine)
        for group in optimiser.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng((options.seed, step))
        image, seen, weight = drawn(*chests[step % len(chests)], masses, rng)
        hu = torch.from_numpy(image)[None, None].to(device).contiguous(memory_format=torch.channels_last_3d)
        truth = torch.from_numpy(seen)[None].long().to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=not options.exact):
            logits = network(hu)["lungs"]
        logits = logits.float()
        probability = torch.softmax(logits, 1)
        whole = F.one_hot(truth, 3).permute(0, 4, 1, 2, 3).float()
        shared = (probability * whole).sum((0, 2, 3, 4))
        dice = (2 * shared + 1) / (probability.sum((0, 2, 3, 4)) + whole.sum((0, 2, 3, 4)) + 1)
        each = F.cross_entropy(logits, truth, reduction="none")
        loss = (each * torch.from_numpy(weight)[None].to(device)).mean() + (1 - dice[1:]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        with torch.no_grad():
            decay = min(options.average, (step + 1) / (step + 10))
            for kept, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                if kept.dtype.is_floating_point:
                    kept.lerp_(now, 1 - decay)
        sums += (float(loss.detach()), float(dice[1:].mean().detach()), 1)
        if (step + 1) % _EVERY == 0 or step + 1 == options.steps:
            seconds = time.perf_counter() - started
            row = {
                "step": step + 1,
                "seconds": round(seconds),
                "rate": round(rate, 6),
                "loss": round(float(sums[0] / sums[2]), 4),
                "dice": round(float(sums[1] / sums[2]), 4),
            }
            print(json.dumps(row), flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            sums[:] = 0
            torch.save(average.state_dict(), options.out / "weights.pt")
            torch.save(
                {
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step + 1,
                    "seconds": seconds,
                },
                options.out / "state.pt",
            )


if __name__ == "__main__":
    main()
