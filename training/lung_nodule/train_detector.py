"""Train the detector on patches of scenes. CPU or GPU by the same script; resumable; seeded.

python -m training.lung_nodule.train_detector --patches DIR --out DIR --minutes 40
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from training.lung_nodule.networks import Detector
from training.lung_nodule.patches import EDGE, HIGH_HU, LOW_HU

STRIDE = 4
CELLS = EDGE // STRIDE


class PatchStore:
    """All patches of a folder in memory (uint8), drawn so that no scene is seen twice before all are seen once."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self._folder = folder
        self._rng = np.random.default_rng(seed)
        self._order: list[tuple[int, int]] = []
        self._scenes: dict[str, dict[str, npt.NDArray[np.generic]]] = {}
        self.refresh()

    def refresh(self) -> int:
        """Load scenes that were written since; return how many patches there are."""
        for path in sorted(self._folder.glob("scene-*.npz")):
            if path.name.endswith(".tmp.npz") or path.name in self._scenes:
                continue
            with np.load(path, allow_pickle=False) as stored:
                self._scenes[path.name] = {key: stored[key] for key in ("hu", "cover", "nodules")}
        return sum(len(scene["hu"]) for scene in self._scenes.values())

    def batch(self, size: int) -> tuple[Tensor, Tensor, npt.NDArray[np.float32]]:
        """Return HU [n, 1, 64, 64, 64], cover [n, 1, 32, 32, 32] and nodules [n, 6, 5], augmented."""
        images, covers, nodules = [], [], []
        for _ in range(size):
            if not self._order:
                scenes = list(self._scenes.values())
                pairs = [(s, n) for s, scene in enumerate(scenes) for n in range(len(scene["hu"]))]
                self._rng.shuffle(pairs)
                self._order = [(int(s), int(n)) for s, n in pairs]
                self._list = scenes
            s, n = self._order.pop()
            scene = self._list[s]
            image, cover, rows = self._augmented(scene["hu"][n], scene["cover"][n], scene["nodules"][n])
            images.append(image)
            covers.append(cover)
            nodules.append(rows)
        return (
            torch.from_numpy(np.stack(images)[:, None]),
            torch.from_numpy(np.stack(covers)[:, None]),
            np.stack(nodules),
        )

    def _augmented(
        self, hu: npt.NDArray[np.generic], cover: npt.NDArray[np.generic], nodules: npt.NDArray[np.generic]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        rng = self._rng
        rows = np.array(nodules, np.float32)
        for axis in range(3):
            if rng.random() < 0.5:
                hu, cover = np.flip(hu, axis), np.flip(cover, axis)
                rows[:, axis] = EDGE - 1 - rows[:, axis]
        if rng.random() < 0.5:
            hu, cover = hu.swapaxes(1, 2), cover.swapaxes(1, 2)
            rows[:, [1, 2]] = rows[:, [2, 1]]
        image = np.ascontiguousarray(hu).astype(np.float32) * ((HIGH_HU - LOW_HU) / 255) + LOW_HU
        image = image * np.float32(rng.uniform(0.97, 1.03)) + np.float32(rng.normal(0, 15))
        return image, np.ascontiguousarray(cover).astype(np.float32), rows


def targets(nodules: npt.NDArray[np.float32]) -> dict[str, Tensor]:
    """Return heat (Gaussian peaks), weight (0 where nothing is known), and size and shift at centres.

    Shapes [n, 1 or 3, 16, 16, 16]. A cell holds a centre when the centre's voxel lies in it.
    """
    count = len(nodules)
    heat = np.zeros((count, 1, CELLS, CELLS, CELLS), np.float32)
    weight = np.ones_like(heat)
    size = np.zeros_like(heat)
    centre = np.zeros_like(heat)
    shift = np.zeros((count, 3, CELLS, CELLS, CELLS), np.float32)
    axis = np.arange(CELLS, dtype=np.float32) * STRIDE + (STRIDE - 1) / 2
    for n in range(count):
        for z, y, x, diameter, readers in nodules[n]:
            if diameter <= 0:
                continue
            squared = (
                (axis[:, None, None] - z) ** 2
                + (axis[None, :, None] - y) ** 2
                + (axis[None, None, :] - x) ** 2
            )
            if readers < 3:
                weight[n, 0][squared < (diameter / 2 + 4) ** 2] = 0
                continue
            sigma = max(diameter / 7, 1.6)
            heat[n, 0] = np.maximum(heat[n, 0], np.exp(-squared / (2 * sigma**2)))
            near = squared < max(diameter / 4, 4.0) ** 2
            cell = np.floor(np.array([z, y, x]) / STRIDE).astype(int)
            if (cell >= 0).all() and (cell < CELLS).all():
                heat[n, 0, cell[0], cell[1], cell[2]] = 1
                near[cell[0], cell[1], cell[2]] = True
            for k, j, i in np.argwhere(near):
                size[n, 0, k, j, i] = np.log(diameter)
                centre[n, 0, k, j, i] = 1
                shift[n, :, k, j, i] = np.array([z, y, x]) / STRIDE - (k, j, i)
    arrays = {"heat": heat, "weight": weight, "size": size, "centre": centre, "shift": shift}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def loss_of(
    found: dict[str, Tensor], truth: dict[str, Tensor], cover: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Return the sum of the heat map's focal loss, size and shift errors, and the cover's overlap loss."""
    logit = found["heat"]
    probability = torch.sigmoid(logit).clamp(1e-5, 1 - 1e-5)
    positive = (truth["heat"] > 0.98).float() * truth["weight"]
    negative = (1 - truth["heat"]).pow(4) * (1 - positive) * truth["weight"]
    hits = positive * (1 - probability).pow(2) * F.logsigmoid(logit)
    misses = negative * probability.pow(2) * F.logsigmoid(-logit)
    peaks = positive.sum().clamp(min=1)
    heat = -(hits.sum() + misses.sum()) / peaks
    centres = truth["centre"].sum().clamp(min=1)
    size = ((found["size"] - truth["size"]).abs() * truth["centre"]).sum() / centres
    shift = ((found["shift"] - truth["shift"]).abs() * truth["centre"]).sum() / (3 * centres)
    inside = torch.sigmoid(found["cover"])
    overlap = 1 - (2 * (inside * cover).sum() + 1) / (inside.sum() + cover.sum() + 1)
    parts = {"heat": heat, "size": size, "shift": shift, "cover": overlap}
    total = heat + size + 0.5 * shift + 0.5 * overlap
    return total, {name: float(value.detach()) for name, value in parts.items()}


def main() -> None:
    """Train for a given time or number of steps, writing a checkpoint and a log as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (0: by time)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    options.out.mkdir(parents=True, exist_ok=True)
    network = Detector().to(device, memory_format=torch.channels_last_3d)
    if options.start:
        network.load_state_dict(torch.load(options.start, weights_only=True, map_location=device))
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    checkpoint = options.out / "state.pt"
    step, spent = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = int(state["step"]), float(state["seconds"])
    store = PatchStore(options.patches, seed=options.seed + step)
    started = time.perf_counter() - spent
    budget = options.minutes * 60
    sums: dict[str, float] = {}
    while True:
        seconds = time.perf_counter() - started
        share = step / options.steps if options.steps else seconds / budget
        if share >= 1:
            break
        # One cycle: a short warm-up, then a cosine down to a hundredth.
        rate = float(options.rate * min(step / 60, 1.0) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share))))
        for group in optimiser.param_groups:
            group["lr"] = rate
        images, cover, nodules = store.batch(options.batch)
        truth = {name: tensor.to(device) for name, tensor in targets(nodules).items()}
        network.train()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            found = network(images.to(device, memory_format=torch.channels_last_3d))
        total, parts = loss_of({k: v.float() for k, v in found.items()}, truth, cover.to(device))
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        if step % 25 == 0:
            means = {name: round(value / 25, 4) for name, value in sums.items()}
            row = {"step": step, "seconds": round(seconds), "rate": round(rate, 6), **means}
            print(json.dumps(row), flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            sums = {}
        if step % 100 == 0:
            store.refresh()
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save({**state, "step": step, "seconds": seconds}, checkpoint)
            torch.save(network.state_dict(), options.out / "weights.pt")
    torch.save(network.state_dict(), options.out / "weights.pt")
    print(f"done: {step} steps", flush=True)


if __name__ == "__main__":
    main()
