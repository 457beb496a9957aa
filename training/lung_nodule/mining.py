"""What a detector proposes on stored scenes, for the candidate network to learn from: nodules and false alarms.

    python -m training.lung_nodule.mining --models DIR --scenes DIR… --out DIR

The very code that runs in production proposes. One npz a scene, `FOLDER/scene-NUMBER.npz` as the scene's own folder is
called: `place` [n, 3] z, y, x in voxels of the scene, `label` [n] 1 nodule, 0 not, -1 neither, `logit` [n] of the
detector (NaN where it proposed nothing: nodules that it missed are listed as well), `diameter` [n] of the nodule in mm.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Engine, Network, load_package
from firstread.readers.lung_nodule.detect import Candidate, detect
from firstread.readers.lung_nodule.lungs import Lungs
from training.lung_nodule.scene_files import KNOWN_READERS, StoredScene, as_hu, stored
from training.lung_nodule.scenes import Scene

IGNORED, NODULE, FALSE_ALARM = -1, 1, 0
_BESIDE_MM = 3.0
"""A proposal this near a nodule shows it as a shifted cube of it does: neither a nodule nor a false alarm."""


def as_volume(hu: npt.NDArray[np.int16], lungs: npt.NDArray[np.uint8]) -> tuple[Volume, Lungs]:
    """Dress a scene as what the reader works on; cubic 1 mm voxels (z, y, x), the first at 0, 0, 0."""
    geometry = Geometry.from_axes(
        shape=(hu.shape[0], hu.shape[1], hu.shape[2]),
        origin_lps_mm=(0, 0, 0),
        slice_step_mm=(0, 0, 1),
        row_step_mm=(0, 1, 0),
        column_step_mm=(1, 0, 0),
    )
    volume = Volume(hu=hu, geometry=geometry, sources=(), headers=())
    return volume, Lungs(labels=lungs, coarse=lungs, grid=geometry)


def scene_volume(scene: Scene) -> tuple[Volume, Lungs]:
    """Dress a scene with its own lungs."""
    return as_volume(scene.hu, scene.lungs)


def labelled(
    candidates: Sequence[Candidate], nodules: npt.NDArray[np.float32]
) -> tuple[list[int], list[float], list[int]]:
    """Say what candidates are.

    Args:
        candidates: In mm from the scene's first voxel.
        nodules: [n, 5]: z, y, x, diameter, readers, as a stored scene has them.

    Returns:
        A label and the nodule's diameter (0 without) for each candidate; the numbers of nodules that none has found.
    """
    labels: list[int] = []
    diameters: list[float] = []
    known = nodules[:, 4] >= KNOWN_READERS
    missed = [int(n) for n in np.flatnonzero(known)]
    for candidate in candidates:
        label, diameter = FALSE_ALARM, 0.0
        # A known nodule beside a place that readers only pointed at is a nodule.
        for number in np.argsort(~known, kind="stable").tolist():
            *centre, size, _ = nodules[number].tolist()
            away = np.linalg.norm(np.asarray(candidate.center_lps_mm) - centre[::-1])
            beyond = away - max(size / 2, 2.5)
            if beyond <= 0:
                label = NODULE if known[number] else IGNORED
                diameter = size
                missed = [other for other in missed if other != number]
                break
            if beyond <= _BESIDE_MM:
                label = IGNORED
        labels.append(label)
        diameters.append(diameter)
    return labels, diameters, missed


def mine(scene: StoredScene, detector: Network, *, least_logit: float) -> dict[str, npt.NDArray[np.generic]]:
    """Run the detector on a scene and label what it proposes; everything in it counts as lung."""
    hu = np.rint(as_hu(scene.hu())).astype(np.int16)
    candidates = detect(*as_volume(hu, np.ones(hu.shape, np.uint8)), detector, least_logit=least_logit)
    labels, diameters, missed = labelled(candidates, scene.nodules)
    found = np.array([c.center_lps_mm[::-1] for c in candidates], np.float32).reshape(-1, 3)
    return {
        "place": np.concatenate([found, scene.nodules[missed, :3]]),
        "label": np.array(labels + [NODULE] * len(missed), np.int8),
        "logit": np.array([c.logit for c in candidates] + [np.nan] * len(missed), np.float32),
        "diameter": np.array([*diameters, *scene.nodules[missed, 3]], np.float32),
    }


def main() -> None:
    """Mine the scenes of some folders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True, help="holds lung_nodule_detector")
    parser.add_argument("--scenes", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--least-logit", type=float, default=-3.0)
    parser.add_argument("--most", type=int, default=10_000, help="scenes of a folder")
    parser.add_argument(
        "--int8", action="store_true", help="propose in INT8 where packed: several times faster"
    )
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    package = load_package(options.models / "lung_nodule_detector")
    int8 = options.int8 and "int8" in package.precisions
    with Engine(precision="int8" if int8 else "f32", threads=options.threads) as engine:
        detector = engine.network(package)
        for scene in (scene for folder in options.scenes for scene in stored(folder)[: options.most]):
            target = options.out / scene.folder.parent.name / f"{scene.folder.name}.npz"
            if target.exists():
                continue
            found = mine(scene, detector, least_logit=options.least_logit)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(".part.npz")
            np.savez(part, **found)  # type: ignore[arg-type]
            part.rename(target)
            proposed = np.isfinite(found["logit"].astype(float))
            counts = [int((found["label"][proposed] == k).sum()) for k in (NODULE, FALSE_ALARM)]
            print(
                f"{target.parent.name} {target.stem}: {int((found['label'] == NODULE).sum())} nodules,"
                f" {counts[0]} proposed, {counts[1]} false alarms",
                flush=True,
            )


if __name__ == "__main__":
    main()
