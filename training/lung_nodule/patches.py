"""Cut scenes into patches on disk, so that training waits for nothing.

One file a scene (npz, uint8): `hu` [n, 64, 64, 64] in steps of the lung window / 255; `cover` [n, 32, 32, 32],
1 inside a nodule; `nodules` [n, 6, 5]: z, y, x (voxels of the patch), diameter (mm), readers; rows of 0 pad.
"""

import argparse
import pickle
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.lung_nodule.backgrounds import load
from training.lung_nodule.scenes import Scene, ShapeStore, make_scene

EDGE = 64
ROWS = 6
LOW_HU, HIGH_HU = -1000, 400


def as_bytes(hu: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """Quantise HU of the lung window to 0…255 (5.5 HU a step, below any scanner's noise)."""
    scaled = (np.clip(hu, LOW_HU, HIGH_HU).astype(np.float32) - LOW_HU) * (255 / (HIGH_HU - LOW_HU))
    return np.rint(scaled).astype(np.uint8)


def cut(
    scene: Scene, rng: np.random.Generator, *, per_nodule: int, empty: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Cut patches around the scene's nodules and at random places of its lungs."""
    half = EDGE // 2
    hu = np.pad(as_bytes(scene.hu), half)
    cover = np.pad(scene.cover > 0, half)
    corners = []
    for nodule in scene.nodules:
        times = per_nodule * (4 if nodule.site == "real" else 1)
        for _ in range(times):
            corners.append(np.rint(np.asarray(nodule.centre) + rng.uniform(-22, 22, 3)).astype(int))
    lung = np.argwhere(scene.lungs[::4, ::4, ::4] > 0) * 4
    corners += list(lung[rng.integers(len(lung), size=empty)])
    images = np.empty((len(corners), EDGE, EDGE, EDGE), np.uint8)
    covers = np.empty((len(corners), half, half, half), np.uint8)
    nodules = np.zeros((len(corners), ROWS, 5), np.float32)
    shape = np.asarray(scene.hu.shape)
    for n, corner in enumerate(corners):
        # The padded array starts half a patch earlier: the patch centred on `corner` starts at `corner`.
        start = np.clip(corner, 0, shape)
        box = tuple(slice(s, s + EDGE) for s in start)
        images[n] = hu[box]
        covers[n] = cover[box].reshape(half, 2, half, 2, half, 2).max((1, 3, 5))
        row = 0
        for nodule in scene.nodules:
            centre = np.asarray(nodule.centre) + half - start
            if (centre > -4).all() and (centre < EDGE + 4).all() and row < ROWS:
                nodules[n, row] = (*centre, nodule.diameter_mm, nodule.readers)
                row += 1
    return images, covers, nodules


def main() -> None:
    """Write the patches of a number of scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backgrounds", type=Path, nargs="+", required=True)
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first scene: its seed")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # The project's own cache of `shapes.py`, made on this machine a step earlier.
    shapes = ShapeStore(pickle.loads(options.shapes.read_bytes()))
    for number in range(options.first, options.first + options.scenes):
        target = options.out / f"scene-{number:04d}.npz"
        if target.exists():
            continue
        started = time.perf_counter()
        rng = np.random.default_rng([7, number])
        background = load(options.backgrounds[number % len(options.backgrounds)])
        share = background.roominess
        scene = make_scene(
            background, shapes, rng, nodules=int(34 * share) + 4, distractors=int(26 * share) + 3
        )
        images, covers, nodules = cut(scene, rng, per_nodule=1, empty=int(24 * share) + 4)
        temporary = target.with_suffix(".tmp.npz")
        np.savez(temporary, hu=images, cover=covers, nodules=nodules)
        temporary.rename(target)
        seconds = time.perf_counter() - started
        print(
            f"{target.name} {background.name} {scene.protocol}: {len(scene.nodules)} nodules,"
            f" {len(images)} patches, {seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
