"""Train the lung network: classical labels of healthy lungs, learned through images with disease added.

    python -m training.lung_nodule.train_lungs --chests DIR --out DIR --minutes 15

`--chests` holds npz files of `chests.py`: `hu` int16 and `lungs` uint8 on cubic voxels of 3 mm.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch.nn import functional as F

from training.lung_nodule.networks import LungNetwork

SHAPE = (80, 96, 128)
Float = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


def diseased(hu: Float, lungs: Labels, rng: np.random.Generator) -> Float:
    """Add what makes a threshold fail: consolidation, effusion, masses on the pleura, ground glass, collapse."""
    hu = hu.copy()
    inside = lungs > 0
    if not inside.any():
        return hu
    tissue = rng.normal(40, 15)
    voxels = np.argwhere(inside)
    for _ in range(int(rng.integers(0, 4))):
        centre = voxels[rng.integers(len(voxels))]
        radius = rng.uniform(2, 16) if rng.random() < 0.8 else rng.uniform(16, 26)
        reach = int(radius * 1.5) + 1
        lower = np.maximum(centre - reach, 0)
        upper = np.minimum(centre + reach + 1, hu.shape)
        box = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
        grid = np.mgrid[box]
        distance = np.sqrt(
            sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, rng.uniform(0.7, 1.3, 3), strict=True))
        )
        bumps = ndimage.gaussian_filter(rng.standard_normal(distance.shape), 2.0) * radius * 2.5
        soft = np.clip(radius - distance + bumps + 0.5, 0, 1) * inside[box]
        density = rng.choice([1.0, rng.uniform(0.2, 0.9)])
        hu[box] += (soft * density * np.maximum(tissue - hu[box], 0)).astype(np.float32)
    if rng.random() < 0.25:
        # Effusion: fluid lies at the back of one lung, its upper border nearly level.
        side = int(rng.integers(1, 3))
        lung = lungs == side
        if lung.any():
            rows = np.nonzero(lung.any((0, 2)))[0]
            height = np.nonzero(lung.any((1, 2)))[0]
            depth = rng.uniform(0.05, 0.5) * (rows[-1] - rows[0])
            z, y = np.mgrid[: hu.shape[0], : hu.shape[1]]
            slope = (z - height[0]) / max(height[-1] - height[0], 1)
            fluid = (y > rows[-1] - depth * (1.2 - slope))[:, :, None] & lung
            hu[fluid] = rng.normal(10, 8) + rng.normal(0, 12, int(fluid.sum()))
    if rng.random() < 0.15:
        field = ndimage.gaussian_filter(rng.standard_normal(hu.shape).astype(np.float32), 6)
        glass = np.clip(field / field.std() - rng.uniform(-0.5, 1), 0, 1) * inside * rng.uniform(0.2, 0.7)
        hu += glass * np.maximum(tissue - hu, 0)
    if rng.random() < 0.15:
        # Emphysema: parenchyma as dark as an airway.
        hu[inside & (hu < -750)] -= rng.uniform(30, 120)
    return hu


def drawn(hu: npt.NDArray[np.int16], lungs: Labels, rng: np.random.Generator) -> tuple[Float, Labels]:
    """Return one training crop of `SHAPE`: a chest of another size, pose, coverage, protocol and disease."""
    lower_z, upper_z = 0, hu.shape[0]
    if rng.random() < 0.4:
        lower_z = int(rng.integers(0, max(hu.shape[0] // 2, 1)))
        upper_z = min(hu.shape[0], lower_z + int(rng.integers(25, 140)))
    sick = diseased(hu[lower_z:upper_z].astype(np.float32), lungs[lower_z:upper_z], rng)
    labels = lungs[lower_z:upper_z]
    if rng.random() < 0.5:
        sick, labels = sick[:, :, ::-1], np.array([0, 2, 1], np.uint8)[labels][:, :, ::-1]
    scale = rng.uniform(0.82, 1.22) * rng.uniform(0.93, 1.07, 3)
    angles = np.deg2rad(rng.normal(0, 6, 3))
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        a, b = [i for i in range(3) if i != axis]
        plane = np.eye(3)
        plane[a, a], plane[a, b], plane[b, a], plane[b, b] = c, -s, s, c
        turn = turn @ plane
    matrix = turn / scale
    voxels = np.argwhere(labels > 0)
    middle = voxels[rng.integers(len(voxels))] * 0.35 + np.asarray(labels.shape) / 2 * 0.65
    offset = middle - matrix @ (np.asarray(SHAPE) / 2 + rng.uniform(-10, 10, 3))
    crop = ndimage.affine_transform(sick, matrix, offset, output_shape=SHAPE, order=1, cval=-1000)
    truth = ndimage.affine_transform(labels, matrix, offset, output_shape=SHAPE, order=0, cval=0)
    if rng.random() < 0.4:
        crop = ndimage.uniform_filter1d(crop, int(rng.integers(2, 4)), axis=0)
    crop = crop * rng.uniform(0.95, 1.05) + rng.normal(0, 25)
    crop += rng.standard_normal(SHAPE, dtype=np.float32) * rng.uniform(0, 50)
    return crop.astype(np.float32), truth


def main() -> None:
    """Train for a given time, writing weights and a log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chests", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (0: by time)")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="weights to start from")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    options.out.mkdir(parents=True, exist_ok=True)
    chests = []
    for path in options.chests:
        with np.load(path, allow_pickle=False) as stored:
            chests.append((stored["hu"], stored["lungs"]))
    network = LungNetwork().to(device, memory_format=torch.channels_last_3d)
    if options.start:
        network.load_state_dict(torch.load(options.start, weights_only=True, map_location=device))
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    started, step, sums = time.perf_counter(), 0, [0.0, 0.0]
    while True:
        seconds = time.perf_counter() - started
        share = step / options.steps if options.steps else seconds / (options.minutes * 60)
        if share >= 1:
            break
        rate = options.rate * min((step + 1) / 40, 1.0) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        pairs = [drawn(*chests[rng.integers(len(chests))], rng) for _ in range(2)]
        hu = torch.from_numpy(np.stack([p[0] for p in pairs])[:, None]).to(device)
        truth = torch.from_numpy(np.stack([p[1] for p in pairs])).long().to(device)
        network.train()
        logits = network(hu.contiguous(memory_format=torch.channels_last_3d))["lungs"].float()
        probability = torch.softmax(logits, 1)
        whole = F.one_hot(truth, 3).permute(0, 4, 1, 2, 3).float()
        shared = (probability * whole).sum((0, 2, 3, 4))
        dice = (2 * shared + 1) / (probability.sum((0, 2, 3, 4)) + whole.sum((0, 2, 3, 4)) + 1)
        loss = F.cross_entropy(logits, truth) + (1 - dice[1:]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        sums = [sums[0] + float(loss.detach()), sums[1] + float(dice[1:].mean())]
        if step % 20 == 0:
            row = {"step": step, "seconds": round(seconds), "loss": sums[0] / 20, "dice": sums[1] / 20}
            print(json.dumps(row), flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            sums = [0.0, 0.0]
            torch.save(network.state_dict(), options.out / "weights.pt")
    torch.save(network.state_dict(), options.out / "weights.pt")


if __name__ == "__main__":
    main()
