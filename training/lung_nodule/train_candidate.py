"""Train the candidate network on what the detector proposed. Seeded; CPU or GPU by the same script.

    python -m training.lung_nodule.train_candidate --mined DIR… --out DIR --steps 900

Half of a batch are nodules, half false alarms, those that the network still takes for nodules more often.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from training.lung_nodule.kept_weights import read
from training.lung_nodule.mining import EDGE, IGNORED, NODULE
from training.lung_nodule.networks import CandidateNetwork
from training.lung_nodule.scene_files import as_hu
from training.lung_nodule.train_detector import Average, multiplies_bfloat16, one_cycle

PATCH = 40


def augmented(cube: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Shift, mirror and turn a cube, and change its HU a little; returns HU [40, 40, 40]."""
    start = rng.integers(1, EDGE - PATCH, 3)
    cube = cube[tuple(slice(s, s + PATCH) for s in start)]
    for axis in range(3):
        if rng.random() < 0.5:
            cube = np.flip(cube, axis)
    if rng.random() < 0.5:
        cube = cube.swapaxes(1, 2)
    hu = as_hu(np.ascontiguousarray(cube))
    if rng.random() < 0.3:
        hu = hu + rng.standard_normal(hu.shape, dtype=np.float32) * np.float32(rng.uniform(5, 35))
    return hu * np.float32(rng.uniform(0.97, 1.03)) + np.float32(rng.normal(0, 18))


def main() -> None:
    """Train for a number of steps, writing weights and a log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mined", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half_precision = multiplies_bfloat16(device)
    options.out.mkdir(parents=True, exist_ok=True)
    cubes, labels = [], []
    for path in sorted(path for folder in options.mined for path in folder.glob("scene-*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            known = stored["label"] != IGNORED
            cubes.append(stored["hu"][known])
            labels.append(stored["label"][known])
    images, classes = np.concatenate(cubes), np.concatenate(labels)
    pools = [np.flatnonzero(classes == NODULE), np.flatnonzero(classes != NODULE)]
    hardness = np.full(len(images), 0.7)
    print(f"{len(pools[0])} nodules, {len(pools[1])} false alarms", flush=True)
    network = CandidateNetwork().to(device, memory_format=torch.channels_last_3d)
    if options.start:
        network.load_state_dict(read(options.start))
    average = Average(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=2e-3)
    started, total = time.perf_counter(), 0.0
    half = options.batch // 2
    truth = torch.cat([torch.full((half, 1), 0.97), torch.full((half, 1), 0.03)]).to(device)
    for step in range(1, options.steps + 1):
        rate = options.rate * one_cycle(step, step / options.steps, warm_up=40)
        for group in optimiser.param_groups:
            group["lr"] = rate
        picks = np.concatenate([_drawn(pool, hardness[pool], half, rng) for pool in pools])
        hu = torch.from_numpy(np.stack([augmented(images[i], rng) for i in picks])[:, None]).to(device)
        network.train()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half_precision):
            logits = network(hu.contiguous(memory_format=torch.channels_last_3d))["nodule"]
        each = F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
        hardness[picks] = 0.5 * hardness[picks] + 0.5 * each.detach().cpu().numpy()[:, 0].clip(0, 2)
        loss = each.mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        average.take(network)
        total += float(loss.detach())
        if step % 50 == 0:
            row = {
                "step": step,
                "seconds": round(time.perf_counter() - started),
                "loss": round(total / 50, 4),
            }
            print(json.dumps(row), flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            total = 0.0
    torch.save(average.network.state_dict(), options.out / "weights.pt")


def _drawn(
    pool: npt.NDArray[np.int64], hardness: npt.NDArray[np.float64], count: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw from a pool, hard ones more often, none never."""
    chances = 0.8 + hardness
    return np.asarray(rng.choice(pool, count, p=chances / chances.sum()))


if __name__ == "__main__":
    main()
