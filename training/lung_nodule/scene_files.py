"""Scenes on disk, whole, so that training may crop them anywhere and waits for nothing.

    python -m training.lung_nodule.scene_files --backgrounds FILE… --shapes FILE --out DIR --scenes 40

One folder a scene: `hu.npy` uint8 (z, y, x), steps of the lung window / 255, read through a memory map, so that
trainers side by side share it; `cover.npy` uint8 on every other voxel, 1 inside a nodule; `places.npz` with `nodules`
[n, 5]: z, y, x (voxels), diameter (mm), readers, and `around` [m, 3]: what to crop around, nodules and anything else.
"""

import argparse
import pickle
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.lung_nodule.backgrounds import load
from training.lung_nodule.scenes import Scene, ShapeStore, make_scene

LOW_HU, HIGH_HU = -1000, 400
KNOWN_READERS = 2
"""Marks of fewer readers teach nothing where they are."""
_REAL_WEIGHT = 4
"""How often a real nodule is shown for one showing of an inserted one: there are few."""


def as_bytes(hu: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """Quantise HU of the lung window to 0…255 (5.5 HU a step, below any scanner's noise)."""
    scaled = (np.clip(hu, LOW_HU, HIGH_HU).astype(np.float32) - LOW_HU) * (255 / (HIGH_HU - LOW_HU))
    return np.rint(scaled).astype(np.uint8)


def as_hu(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Return the HU that `as_bytes` quantised."""
    return values.astype(np.float32) * np.float32((HIGH_HU - LOW_HU) / 255) + np.float32(LOW_HU)


@dataclass(frozen=True, eq=False)
class StoredScene:
    """A scene's folder.

    Attributes:
        folder: Where it lies.
        nodules: z, y, x (voxels), diameter (mm), readers [n, 5].
        around: Places to crop around [m, 3].
    """

    folder: Path
    nodules: npt.NDArray[np.float32]
    around: npt.NDArray[np.float32]

    def hu(self) -> npt.NDArray[np.uint8]:
        """Return the image, mapped; see `as_hu`."""
        mapped: npt.NDArray[np.uint8] = np.load(self.folder / "hu.npy", mmap_mode="r", allow_pickle=False)
        return mapped

    def cover(self) -> npt.NDArray[np.uint8]:
        """Return the mask of all nodules on every other voxel, mapped."""
        mapped: npt.NDArray[np.uint8] = np.load(self.folder / "cover.npy", mmap_mode="r", allow_pickle=False)
        return mapped


def write(scene: Scene, rng: np.random.Generator, folder: Path, *, empty: int) -> None:
    """Write a scene; its folder appears when it is whole."""
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    even = tuple(slice(0, n // 2 * 2) for n in scene.hu.shape)
    z, y, x = (n // 2 for n in scene.hu.shape)
    cover = (scene.cover[even] > 0).reshape(z, 2, y, 2, x, 2).max((1, 3, 5))
    around = [
        nodule.centre
        for nodule in scene.nodules
        for _ in range(_REAL_WEIGHT if nodule.site == "real" else 1)
        if nodule.readers >= KNOWN_READERS
    ]
    lung = np.argwhere(scene.lungs[::4, ::4, ::4] > 0) * 4
    np.save(part / "hu.npy", as_bytes(scene.hu[even]))
    np.save(part / "cover.npy", cover.astype(np.uint8))
    np.savez(
        part / "places.npz",
        nodules=np.array([(*n.centre, n.diameter_mm, n.readers) for n in scene.nodules], np.float32).reshape(
            -1, 5
        ),
        around=np.array([*around, *lung[rng.integers(len(lung), size=empty)]], np.float32),
    )
    part.rename(folder)


def stored(folder: Path) -> list[StoredScene]:
    """Return the scenes of a folder, by number."""
    found = []
    for path in sorted(folder.glob("scene-*/places.npz")):
        if path.parent.suffix == ".part":
            continue
        with np.load(path, allow_pickle=False) as places:
            found.append(StoredScene(path.parent, places["nodules"], places["around"]))
    return found


def main() -> None:
    """Write a number of scenes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backgrounds", type=Path, nargs="+", required=True)
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="number of the first scene: its seed")
    options = parser.parse_args()
    # The project's own cache of `shapes.py`, made on this machine a step earlier.
    shapes = ShapeStore(pickle.loads(options.shapes.read_bytes()))
    backgrounds = [load(path) for path in options.backgrounds]
    for number in range(options.first, options.first + options.scenes):
        target = options.out / f"scene-{number:05d}"
        if target.exists():
            continue
        started = time.perf_counter()
        rng = np.random.default_rng([7, number])
        background = backgrounds[number % len(backgrounds)]
        share = background.roominess
        scene = make_scene(
            background, shapes, rng, nodules=int(44 * share) + 5, distractors=int(26 * share) + 3
        )
        write(scene, rng, target, empty=int(24 * share) + 4)
        seconds = time.perf_counter() - started
        print(
            f"{target.name} {background.name} {scene.protocol}: {len(scene.nodules)} nodules, {seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
