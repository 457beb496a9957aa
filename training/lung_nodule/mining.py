"""What the detector proposes on scenes, cut out for the candidate network: nodules and false alarms.

    python -m training.lung_nodule.mining --models DIR --backgrounds FILE… --shapes FILE --out DIR --scenes 40

The very code that runs in production proposes and cuts; nodules that were not proposed are cut as well. One npz a
scene: `hu` [n, 48, 48, 48] uint8 (steps of the lung window / 255), `label` [n] 1 nodule, 0 not, -1 neither, `logit`
[n] of the detector (NaN where it proposed nothing), `diameter` [n] of the nodule in mm.
"""

import argparse
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Engine, Network, load_package
from firstread.readers.lung_nodule.detect import Candidate, detect
from firstread.readers.lung_nodule.grid import reading_grid, resample
from firstread.readers.lung_nodule.lungs import Lungs
from training.lung_nodule.backgrounds import load
from training.lung_nodule.scene_files import KNOWN_READERS, as_bytes
from training.lung_nodule.scenes import Placed, Scene, ShapeStore, make_scene

EDGE = 48
"""More than the network sees, so that training can shift the cube."""
IGNORED, NODULE, FALSE_ALARM = -1, 1, 0
_BESIDE_MM = 3.0
"""A proposal this near a nodule shows it as a shifted cube of it does: neither a nodule nor a false alarm."""


def as_volume(scene: Scene) -> tuple[Volume, Lungs]:
    """Dress a scene as what the reader works on."""
    geometry = Geometry.from_axes(
        shape=(scene.hu.shape[0], scene.hu.shape[1], scene.hu.shape[2]),
        origin_lps_mm=(0, 0, 0),
        slice_step_mm=(0, 0, 1),
        row_step_mm=(0, 1, 0),
        column_step_mm=(1, 0, 0),
    )
    volume = Volume(hu=scene.hu, geometry=geometry, sources=(), headers=())
    return volume, Lungs(labels=scene.lungs, coarse=scene.lungs, grid=geometry)


def labelled(
    candidates: Sequence[Candidate], nodules: Sequence[Placed]
) -> tuple[list[int], list[float], list[Placed]]:
    """Say of each candidate what it is and the diameter of its nodule (0 without), and which nodules none has found."""
    labels: list[int] = []
    diameters: list[float] = []
    missed = [nodule for nodule in nodules if nodule.readers >= KNOWN_READERS]
    for candidate in candidates:
        label, diameter = FALSE_ALARM, 0.0
        for nodule in nodules:
            away = np.linalg.norm(np.asarray(candidate.center_lps_mm) - nodule.centre[::-1])
            beyond = away - max(nodule.diameter_mm / 2, 2.5)
            if beyond <= 0:
                label = NODULE if nodule.readers >= KNOWN_READERS else IGNORED
                diameter = nodule.diameter_mm
                missed = [other for other in missed if other is not nodule]
                break
            if beyond <= _BESIDE_MM:
                label = IGNORED
        labels.append(label)
        diameters.append(diameter)
    return labels, diameters, missed


def mine(scene: Scene, detector: Network, *, least_logit: float) -> dict[str, npt.NDArray[np.generic]]:
    """Run the detector on a scene and label what it proposes."""
    volume, lungs = as_volume(scene)
    candidates = detect(volume, lungs, detector, least_logit=least_logit)
    labels, diameters, missed = labelled(candidates, scene.nodules)
    places = [c.center_lps_mm for c in candidates] + [nodule.centre[::-1] for nodule in missed]
    labels += [NODULE] * len(missed)
    diameters += [nodule.diameter_mm for nodule in missed]
    half = (EDGE - 1) / 2
    cubes = [
        as_bytes(resample(volume, reading_grid(place - half, place + half - 1e-6, spacing_mm=1.0)))
        for place in np.array(places).reshape(-1, 3)
    ]
    return {
        "hu": np.array(cubes, np.uint8).reshape(-1, EDGE, EDGE, EDGE),
        "label": np.array(labels, np.int8),
        "logit": np.array([c.logit for c in candidates] + [np.nan] * len(missed), np.float32),
        "diameter": np.array(diameters, np.float32),
    }


def main() -> None:
    """Mine a number of scenes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True, help="holds lung_nodule_detector")
    parser.add_argument("--backgrounds", type=Path, nargs="+", required=True)
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--first", type=int, default=5000, help="number of the first scene: its seed")
    parser.add_argument("--least-logit", type=float, default=-4.0)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # The project's own cache of `shapes.py`, made on this machine a step earlier.
    shapes = ShapeStore(pickle.loads(options.shapes.read_bytes()))
    with Engine(precision="f32", threads=options.threads) as engine:
        detector = engine.network(load_package(options.models / "lung_nodule_detector"))
        for number in range(options.first, options.first + options.scenes):
            target = options.out / f"scene-{number}.npz"
            if target.exists():
                continue
            rng = np.random.default_rng([7, number])
            background = load(options.backgrounds[number % len(options.backgrounds)])
            share = background.roominess
            scene = make_scene(
                background, shapes, rng, nodules=int(24 * share) + 3, distractors=int(10 * share) + 2
            )
            found = mine(scene, detector, least_logit=options.least_logit)
            np.savez(target, **found)  # type: ignore[arg-type]
            known = np.isfinite(found["logit"].astype(float))
            counts = [int((found["label"][known] == k).sum()) for k in (NODULE, FALSE_ALARM)]
            print(
                f"{number} {background.name} {scene.protocol}: {len(scene.nodules)} nodules,"
                f" {counts[0]} proposed, {counts[1]} false alarms",
                flush=True,
            )


if __name__ == "__main__":
    main()
