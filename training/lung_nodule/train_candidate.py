"""Train the candidate network on what a detector proposed on scenes. Seeded; CPU or GPU by the same script.

    python -m training.lung_nodule.train_candidate --scenes DIR… --mined DIR… --out DIR --minutes 30

Half of a batch are nodules, half false alarms, those that the network still takes for the other more often. Cubes are
cut from the scenes, turned and scaled anew each time.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from training.lung_nodule.crops import varied
from training.lung_nodule.kept_weights import read
from training.lung_nodule.mining import FALSE_ALARM, NODULE
from training.lung_nodule.networks import CandidateNetwork
from training.lung_nodule.scene_files import StoredScene, stored
from training.lung_nodule.train_detector import Average, multiplies_bfloat16, one_cycle, overlap_loss

EDGE = 40
_JITTER_MM = 2.0
"""How far the network's candidate is from where the detector put it, along each axis: the next detector differs."""
_COVER = 0.5
"""Weight of the outline beside the label."""
_SURE = 0.97
"""What a nodule's probability should be: truths of some places are wrong."""


class ProposalStore:
    """Nodules and false alarms of mined scenes, and how hard each of them is."""

    def __init__(self, scenes: Sequence[Path], mined: Sequence[Path], *, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._scenes: list[StoredScene] = []
        places, labels, owners = [], [], []
        for scene in (scene for folder in scenes for scene in stored(folder)):
            for folder in mined:
                path = folder / scene.folder.parent.name / f"{scene.folder.name}.npz"
                if not path.exists():
                    continue
                with np.load(path, allow_pickle=False) as proposed:
                    places.append(proposed["place"])
                    labels.append(proposed["label"])
                owners.append(np.full(len(places[-1]), len(self._scenes)))
                self._scenes.append(scene)
        if not places:
            raise FileNotFoundError("none of the scenes was mined: run mining.py on them")
        self._places, self._owners, label = (np.concatenate(part) for part in (places, owners, labels))
        self._pools = [np.flatnonzero(label == kind) for kind in (NODULE, FALSE_ALARM)]
        self._hardness = np.full(len(label), 0.7)

    @property
    def counts(self) -> tuple[int, int]:
        """Nodules and false alarms."""
        return len(self._pools[0]), len(self._pools[1])

    def batch(self, half: int) -> tuple[Tensor, Tensor, npt.NDArray[np.int64]]:
        """Return HU [2·half, 1, 40, 40, 40], nodules first, cover [2·half, 1, 20, 20, 20], and the places' numbers."""
        picked = np.concatenate([self._drawn(pool, half) for pool in self._pools])
        images, covers = [], []
        for n in picked:
            middle = self._places[n] + self._rng.uniform(-_JITTER_MM, _JITTER_MM, 3)
            start = np.rint((middle - (EDGE - 1) / 2) / 2).astype(int) * 2
            image, cover, _ = varied(self._scenes[self._owners[n]], start, self._rng, edge=EDGE)
            images.append(image)
            covers.append(cover)
        return (
            torch.from_numpy(np.stack(images)[:, None]),
            torch.from_numpy(np.stack(covers)[:, None]),
            picked,
        )

    def learned(self, picked: npt.NDArray[np.int64], losses: npt.NDArray[np.float32]) -> None:
        """Remember how hard these were."""
        self._hardness[picked] = 0.5 * self._hardness[picked] + 0.5 * losses.clip(0, 2)

    def _drawn(self, pool: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
        """Draw from a pool, hard ones more often, none never."""
        chances = 0.4 + self._hardness[pool]
        return np.asarray(self._rng.choice(pool, count, p=chances / chances.sum()))


def main() -> None:
    """Train for a given time or number of steps, writing weights and a log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=Path, nargs="+", required=True)
    parser.add_argument("--mined", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (0: by time)")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half_precision = multiplies_bfloat16(device)
    options.out.mkdir(parents=True, exist_ok=True)
    store = ProposalStore(options.scenes, options.mined, seed=options.seed)
    print(f"{store.counts[0]} nodules, {store.counts[1]} false alarms", flush=True)
    network = CandidateNetwork().to(device, memory_format=torch.channels_last_3d)
    if options.start:
        network.load_state_dict(read(options.start))
    average = Average(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=5e-3)
    half = options.batch // 2
    truth = torch.cat([torch.full((half, 1), _SURE), torch.full((half, 1), 1 - _SURE)]).to(device)
    started, step = time.perf_counter(), 0
    sums = {"label": 0.0, "cover": 0.0}
    while True:
        seconds = time.perf_counter() - started
        share = step / options.steps if options.steps else seconds / (options.minutes * 60)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = options.rate * one_cycle(step, share, warm_up=40)
        hu, cover, picked = store.batch(half)
        network.train()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half_precision):
            found = network(hu.to(device, memory_format=torch.channels_last_3d))
        each = F.binary_cross_entropy_with_logits(found["nodule"].float(), truth, reduction="none")
        overlap = overlap_loss(found["cover"].float(), cover.to(device))
        store.learned(picked, each.detach().cpu().numpy()[:, 0])
        optimiser.zero_grad(set_to_none=True)
        (each.mean() + _COVER * overlap).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.take(network)
        step += 1
        sums["label"] += float(each.detach().mean())
        sums["cover"] += float(overlap.detach())
        if step % 50 == 0:
            row = {"step": step, "seconds": round(time.perf_counter() - started)}
            row |= {name: round(value / 50, 4) for name, value in sums.items()}
            sums = dict.fromkeys(sums, 0.0)
            print(json.dumps(row), flush=True)
            with (options.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
        if step % 200 == 0:
            torch.save(average.network.state_dict(), options.out / "weights.pt")
    torch.save(average.network.state_dict(), options.out / "weights.pt")


if __name__ == "__main__":
    main()
