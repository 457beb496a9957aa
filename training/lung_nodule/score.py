"""What both networks say of chests that they never saw: real scans, and scenes with nodules of held-out patients.

    python -m training.lung_nodule.score --models DIR --backgrounds FILE… --scans DIR --shapes FILE --out scored.json

Every candidate is written with both scores before any threshold, every nodule with what tables tell apart. The real
scans (`--scans`, the folder of DICOM folders; those named as the backgrounds) go through the product's own code from
DICOM on. Scenes are as acquired, and the first `--shown` of each background also under every protocol of the
robustness matrix. `--baseline` scores Laplacian-of-Gaussian blobs instead of the networks, on the same scenes.
"""

import argparse
import json
import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from firstread.dicom.volume import Volume
from firstread.engine import Engine, load_package
from firstread.evaluation.strata import size_class
from firstread.readers.lung_nodule.candidates import judge
from firstread.readers.lung_nodule.detect import detect
from firstread.readers.lung_nodule.lungs import Lungs, segment_lungs
from firstread.readers.lung_nodule.reader import LEAST_MM
from training.lung_nodule.backgrounds import load, marked_nodules, read_scan
from training.lung_nodule.blobs import blobs
from training.lung_nodule.mining import scene_volume
from training.lung_nodule.rendering import PROTOCOLS
from training.lung_nodule.scenes import POINTED_AT, Scene, ShapeStore, make_scene, shown_as

_SECOND_ALONE = {"detector": 0.0, "candidate": 1.0, "bias": 0.0}


@dataclass(frozen=True)
class ScoredNodule:
    """A nodule: centre (x, y, z; mm), diameters, whether it must be found, and the rows of tables it belongs to.

    `diameter_mm` of an inserted one is that of the sphere of equal volume. A candidate hits within half of `long_mm`,
    the long diameter: the only one that readers gave of real ones.
    """

    center_lps_mm: tuple[float, float, float]
    diameter_mm: float
    long_mm: float
    counts: bool
    labels: dict[str, str]


@dataclass(frozen=True)
class ScoredChest:
    """A chest with its candidates (x, y, z, detector's logit, candidate network's logit) and nodules."""

    name: str
    patient: str
    protocol: str
    candidates: list[tuple[float, float, float, float, float]]
    nodules: list[ScoredNodule]


class Networks:
    """The networks of a folder of packages; those of the nodules in INT8 where that is asked for and packed."""

    def __init__(
        self,
        models: Path,
        *,
        int8: bool = False,
        threads: int | None = None,
        least_logit: float | None = None,
    ) -> None:
        detector, candidate, lungs = (
            load_package(models / f"lung_nodule_{kind}") for kind in ("detector", "candidate", "lungs")
        )
        packed = int8 and "int8" in detector.precisions and "int8" in candidate.precisions
        engine = Engine(precision="int8" if packed else "f32", threads=threads)
        self._detector, self._candidate = engine.network(detector), engine.network(candidate)
        self._lungs = Engine(precision="f32", threads=threads).network(lungs)
        least = self._detector.operating_point["least_logit"]
        self._least_logit = least if least_logit is None else least_logit

    def lungs(self, volume: Volume) -> Lungs:
        """Segment the lungs as the product does."""
        return segment_lungs(volume, self._lungs)

    def scored(self, volume: Volume, lungs: Lungs) -> list[tuple[float, float, float, float, float]]:
        """Return the candidates of a chest."""
        found = detect(volume, lungs, self._detector, least_logit=self._least_logit)
        judged = judge(volume, found, self._candidate, weights=_SECOND_ALONE)
        rows = []
        for one in judged:
            p = min(max(one.probability, 1e-9), 1 - 1e-9)
            rows.append((*one.candidate.center_lps_mm, one.candidate.logit, float(np.log(p / (1 - p)))))
        return rows


def scene_nodules(scene: Scene) -> list[ScoredNodule]:
    """List a scene's nodules, those of fewer than three readers or 3 mm as not asked for."""
    return [
        ScoredNodule(
            center_lps_mm=(n.centre[2], n.centre[1], n.centre[0]),
            diameter_mm=n.diameter_mm,
            long_mm=n.long_mm,
            counts=n.inserted and n.diameter_mm >= LEAST_MM,
            labels={"size": size_class(n.diameter_mm), "texture": n.kind, "site": n.site},
        )
        for n in scene.nodules
    ]


def scenes_of(path: Path, shapes: ShapeStore, *, count: int, shown: int) -> Iterator[tuple[str, Scene]]:
    """Yield named scenes on a background: all as acquired, the first few under the other protocols too."""
    background = load(path)
    share = background.roominess
    number = sum(path.stem.encode())
    for n in range(count):
        rng = np.random.default_rng([11, number, n])
        scene = make_scene(
            background, shapes, rng, nodules=int(26 * share) + 3, distractors=0, as_acquired=True
        )
        yield f"{path.stem}/{n}", scene
        for name, protocol in PROTOCOLS.items():
            if n < shown and name != scene.protocol:
                rng = np.random.default_rng([12, number, n])
                yield f"{path.stem}/{n}", shown_as(scene, protocol, rng, name)


def main() -> None:
    """Score real scans and scenes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, help="packages of the three networks")
    parser.add_argument("--backgrounds", type=Path, nargs="+", required=True)
    parser.add_argument("--scans", type=Path, help="folder of DICOM folders; without: scenes only")
    parser.add_argument(
        "--excluded", type=Path, help="LUNA16's annotations_excluded.csv, where the backgrounds know it too"
    )
    parser.add_argument("--shapes", type=Path, help="without: real scans only")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=4, help="a background")
    parser.add_argument("--shown", type=int, default=0, help="scenes a background for the robustness matrix")
    parser.add_argument(
        "--int8", action="store_true", help="detector and candidate network in INT8 where packed"
    )
    parser.add_argument(
        "--least-logit", type=float, help="candidates below are dropped; default: the package's"
    )
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    chests = []
    networks = (
        None
        if options.baseline
        else Networks(
            options.models, int8=options.int8, threads=options.threads, least_logit=options.least_logit
        )
    )
    for path in options.backgrounds:
        if options.scans and networks:
            chests.append(_real(options.scans / path.stem, networks, options.excluded))
            print(_words(chests[-1]), flush=True)
        if not options.shapes:
            continue
        # The project's own cache of `shapes.py`, made on this machine a step earlier.
        shapes = ShapeStore(pickle.loads(options.shapes.read_bytes()), held_out=True)
        for name, scene in scenes_of(path, shapes, count=options.scenes, shown=options.shown):
            volume, lungs = scene_volume(scene)
            rows = networks.scored(volume, lungs) if networks else blobs(scene)
            chests.append(ScoredChest(name, path.stem, scene.protocol, rows, scene_nodules(scene)))
            print(_words(chests[-1]), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(chest) for chest in chests]) + "\n")


def _real(folder: Path, networks: Networks, excluded: Path | None) -> ScoredChest:
    volume, _ = read_scan(folder)
    rows = networks.scored(volume, networks.lungs(volume))
    nodules = [
        ScoredNodule(
            center_lps_mm=mark.centre,
            diameter_mm=mark.diameter_mm,
            long_mm=mark.diameter_mm,
            counts=mark.readers >= 3,
            labels={
                "size": size_class(mark.diameter_mm),
                **({"readers": str(mark.readers)} if mark.readers else {"site": POINTED_AT}),
            },
        )
        for mark in marked_nodules(folder, excluded=excluded)
    ]
    return ScoredChest(folder.name, folder.name, "real", rows, nodules)


def _words(chest: ScoredChest) -> str:
    counting = sum(n.counts for n in chest.nodules)
    return f"{chest.name} {chest.protocol}: {counting} nodules, {len(chest.candidates)} candidates"


if __name__ == "__main__":
    main()
