"""Train the detector on crops of scenes. CPU or GPU by the same script; resumable; seeded.

    python -m training.lung_nodule.train_detector --scenes DIR… --out DIR --minutes 60

Writes `state.pt` (to go on from), `weights.pt` (the running mean of the weights: what is packed), `log.jsonl`.
bfloat16 is used where the processor multiplies it in hardware.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.lung_nodule.crops import CropStore
from training.lung_nodule.kept_weights import read
from training.lung_nodule.networks import Detector, norms
from training.lung_nodule.scene_files import KNOWN_READERS

STRIDE = 4
_EDGES = (96, 96, 96, 128)
"""Edges of the crops of one step and the next. The network sees 128 in use; several small chests teach more."""
_NEAR_MM = (3.5, 9.0)
"""Cells this near a centre answer for it, at least and at most: the least reaches one cell wherever a centre lies."""
_FADE_MM = 3.0
_AVERAGE = 0.998
_LEAST_NODULES = 3.0
"""A step with fewer nodules is not weighed up: what it says of the background would drown what others say."""


def targets(nodules: npt.NDArray[np.float32], *, edge: int) -> dict[str, Tensor]:
    """Return what the network should say of a batch.

    Every cell near a centre answers for the nodule, so that it does not matter how the grid falls on it.

    Args:
        nodules: [n, rows, 5]: z, y, x (voxels), diameter (mm; 0 pads), readers.
        edge: Of the patch; voxels.

    Returns:
        `positive` [n, 1, c, c, c]: weight of a cell as a nodule's; a nodule's cells sum to 1. `negative`: weight of
        a cell as background, 0 where nothing is known. `size` log mm, `shift` [n, 3, …] in cells.
    """
    count, cells = len(nodules), edge // STRIDE
    positive = np.zeros((count, 1, cells, cells, cells), np.float32)
    negative = np.ones_like(positive)
    size = np.zeros_like(positive)
    shift = np.zeros((count, 3, cells, cells, cells), np.float32)
    first = np.arange(cells, dtype=np.float32) * STRIDE
    axis = first + (STRIDE - 1) / 2
    corners = np.stack(np.meshgrid(first, first, first, indexing="ij"))
    for n in range(count):
        for z, y, x, diameter, readers in nodules[n]:
            if diameter <= 0:
                continue
            away = np.sqrt(
                (axis[:, None, None] - z) ** 2
                + (axis[None, :, None] - y) ** 2
                + (axis[None, None, :] - x) ** 2
            )
            if readers < KNOWN_READERS:
                negative[n, 0][away < diameter / 2 + 4] = 0
                continue
            reach = float(np.clip(0.3 * diameter, *_NEAR_MM))
            near = away < reach
            negative[n, 0] = np.minimum(negative[n, 0], np.clip((away - reach) / _FADE_MM, 0, 1))
            if near.any():
                positive[n, 0][near] = np.maximum(positive[n, 0][near], 1 / near.sum())
                size[n, 0][near] = np.log(diameter)
                shift[n][:, near] = (np.array([z, y, x])[:, None] - corners[:, near]) / STRIDE
    arrays = {"positive": positive, "negative": negative * (positive == 0), "size": size, "shift": shift}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def loss_of(
    found: dict[str, Tensor], truth: dict[str, Tensor], cover: Tensor
) -> tuple[Tensor, dict[str, float], Tensor]:
    """Return the loss, its parts, and the heat map's share of each patch [n].

    Focal loss on the heat map, a nodule's weight 1; L1 on size and shift; overlap loss on the cover. A patch's share
    is a mean over its nodules, so that a crowded one is not taken for a hard one.
    """
    logit = found["heat"]
    probability = torch.sigmoid(logit).clamp(1e-5, 1 - 1e-5)
    hits = truth["positive"] * (1 - probability).pow(2) * F.logsigmoid(logit)
    misses = truth["negative"] * probability.pow(2) * F.logsigmoid(-logit)
    each = -(hits + misses).sum((1, 2, 3, 4))
    nodules = truth["positive"].sum().clamp(min=_LEAST_NODULES)
    heat = each.sum() / nodules
    size = ((found["size"] - truth["size"]).abs() * truth["positive"]).sum() / nodules
    shift = ((found["shift"] - truth["shift"]).abs() * truth["positive"]).sum() / (3 * nodules)
    overlap = overlap_loss(found["cover"], cover)
    parts = {"heat": heat, "size": size, "shift": shift, "cover": overlap}
    total = heat + 0.5 * size + 0.25 * shift + 0.5 * overlap
    share = each / (1 + truth["positive"].sum((1, 2, 3, 4)))
    return total, {name: float(value.detach()) for name, value in parts.items()}, share.detach()


def overlap_loss(logit: Tensor, cover: Tensor) -> Tensor:
    """Return 1 - Dice of a mask and its truth, over the whole batch."""
    inside = torch.sigmoid(logit)
    return 1 - (2 * (inside * cover).sum() + 1) / (inside.sum() + cover.sum() + 1)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 is fast on the device: GPUs, and processors with the instructions for it."""
    if device.type == "cuda":
        return True
    described = Path("/proc/cpuinfo")
    text = described.read_text() if described.exists() else ""
    return "avx512_bf16" in text or "amx_bf16" in text


def one_cycle(step: int, share: float, *, warm_up: int) -> float:
    """Return the factor on the rate: a warm-up of so many steps, over a cosine from 1 to a hundredth.

    Args:
        step: Number of the step.
        share: How much of the training is done, 0 to 1.
        warm_up: Steps.
    """
    return float(min(step / warm_up, 1.0) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share))))


class Average:
    """The running mean of a network's weights: steadier than any one step's."""

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network).eval()
        self._steps = 0

    def take(self, network: nn.Module) -> None:
        """Take in the network's weights of this step; early steps are forgotten sooner."""
        self._steps += 1
        keep = min(_AVERAGE, self._steps / (self._steps + 9))
        with torch.no_grad():
            for mine, its in zip(
                self.network.state_dict().values(), network.state_dict().values(), strict=True
            ):
                if mine.dtype.is_floating_point:
                    mine.lerp_(its, 1 - keep)
                else:
                    mine.copy_(its)


def main() -> None:
    """Train for a given time or number of steps, writing a checkpoint and a log as it goes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (0: by time)")
    parser.add_argument("--voxels", type=float, default=1.8e6, help="of all crops of a step")
    parser.add_argument("--edges", type=int, nargs="+", default=_EDGES, help="of the crops, step by step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fixed-norm", action="store_true", help="batch norm with the statistics of --start, as in use"
    )
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = multiplies_bfloat16(device)
    options.out.mkdir(parents=True, exist_ok=True)
    network = Detector().to(device, memory_format=torch.channels_last_3d)
    if options.start:
        network.load_state_dict(read(options.start))
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-3)
    average = Average(network)
    checkpoint = options.out / "state.pt"
    step, spent = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = int(state["step"]), float(state["seconds"])
    store = CropStore(options.scenes, seed=options.seed + step)
    started = time.perf_counter() - spent
    sums: dict[str, float] = {}
    network.train()
    if options.fixed_norm:
        for norm in norms(network):
            norm.eval()
    while True:
        seconds = time.perf_counter() - started
        share = step / options.steps if options.steps else seconds / (options.minutes * 60)
        if share >= 1:
            break
        rate = options.rate * one_cycle(step, share, warm_up=100)
        for group in optimiser.param_groups:
            group["lr"] = rate
        edge = options.edges[step % len(options.edges)]
        images, cover, nodules, picked = store.batch(max(round(options.voxels / edge**3), 1), edge=edge)
        truth = {name: tensor.to(device) for name, tensor in targets(nodules, edge=edge).items()}
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            found = network(images.to(device, memory_format=torch.channels_last_3d))
        total, parts, each = loss_of({k: v.float() for k, v in found.items()}, truth, cover.to(device))
        store.learned(picked, each.cpu().numpy())
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.take(network)
        step += 1
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        if step % 50 == 0:
            row: dict[str, float] = {"step": step, "seconds": round(time.perf_counter() - started)}
            row |= {"rate": round(rate, 6), "places": store.count}
            row |= {name: round(value / 50, 4) for name, value in sums.items()}
            sums = {}
            print(json.dumps(row), flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
        if step % 200 == 0:
            _save(options.out, network, average, optimiser, step, time.perf_counter() - started)
    _save(options.out, network, average, optimiser, step, time.perf_counter() - started)


def _save(
    out: Path,
    network: Detector,
    average: Average,
    optimiser: torch.optim.Optimizer,
    step: int,
    seconds: float,
) -> None:
    """Write what is needed to go on, and the weights alone; each in one step, so that a stop loses nothing."""
    state = {
        "network": network.state_dict(), "average": average.network.state_dict(),
        "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds,
    }  # fmt: skip
    for name, content in (("state.pt", state), ("weights.pt", average.network.state_dict())):
        torch.save(content, out / f"{name}.part")
        (out / f"{name}.part").rename(out / name)


if __name__ == "__main__":
    main()
