"""Turn trained weights into a model package: OpenVINO IR, INT8 under an accuracy gate, manifest, card.

    python -m training.lung_nodule.package detector --weights FILE --out models --settings FILE

`--settings` is a TOML file of the manifest's words and numbers (version, training, metrics, operating point).
With `--calibration DIR` (scenes of `scene_files.py`) the INT8 graph is made by NNCF post-training quantisation;
it is packed only if the answers differ from FP32's by no more than the gate allows on parts that it was not
calibrated on. The lung network is quantised on `--chests` (with `--shapes`) and judged by its Dice.
"""

import argparse
import itertools
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
import torch
from torch import Tensor, nn

from firstread.engine import AccuracyGate, Input, Manifest, Output, write_manifest
from firstread.engine.quantization import outermost
from training.lung_nodule import lung_gate
from training.lung_nodule.kept_weights import read
from training.lung_nodule.networks import WINDOW_HU, CandidateNetwork, Detector, LungNetwork
from training.lung_nodule.scene_files import StoredScene, as_hu, stored

LUNG_PATCH = (112, 112, 144)
DETECTOR_PATCH = (128, 224, 176)
"""A chest is as deep as one tile and as wide as two, so that less of the work is halo than with a cube of 128."""
CANDIDATE_PATCH = (40, 40, 40)


class _Named(nn.Module):
    """Gives the outputs as a tuple, in a fixed order: what the converter can trace."""

    def __init__(self, network: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, hu: Tensor) -> tuple[Tensor, ...]:
        found = self.network(hu)
        return tuple(found[name] for name in self.names)


_DEEPEST = (16, 16, 16)
"""The greatest stride inside of both networks: tiles of its multiples see the same grids."""

KINDS: dict[str, dict[str, Any]] = {
    "lungs": {
        "name": "lung_nodule_lungs",
        "task": "segmentation",
        "network": LungNetwork,
        "patch": LUNG_PATCH,
        "multiple": _DEEPEST,
        "spacing": 3.0,
        "batch": 1,
        "outputs": {
            "lungs": Output(description="logits of none, right lung, left lung", channels=3, stride=1)
        },
    },
    "detector": {
        "name": "lung_nodule_detector",
        "task": "detection",
        "network": Detector,
        "patch": DETECTOR_PATCH,
        "multiple": _DEEPEST,
        "spacing": 1.0,
        "batch": 1,
        "outputs": {
            "heat": Output(
                description="logit: the centre of a nodule lies in this cell", channels=1, stride=4
            ),
            "size": Output(description="log of the nodule's diameter in mm", channels=1, stride=4),
            "shift": Output(
                description="centre minus the cell's first voxel, in cells (z, y, x)", channels=3, stride=4
            ),
        },
    },
    "candidate": {
        "name": "lung_nodule_candidate",
        "task": "candidate",
        "network": CandidateNetwork,
        "patch": CANDIDATE_PATCH,
        "multiple": None,
        "spacing": 1.0,
        "batch": 1,
        "outputs": {"nodule": Output(description="logit: the candidate is a nodule", channels=1, stride=0)},
    },
}


def converted(kind: str, weights: Path) -> openvino.Model:
    """Return the network with its weights as an OpenVINO model of static shape and named ports.

    Args:
        kind: Of `KINDS`.
        weights: As training wrote them, or a graph that was packed before (.xml): to quantise what ships.
    """
    if weights.suffix == ".xml":
        # Without mapping the file: what it is read from may be written anew.
        return openvino.Core().read_model(weights, config={"ENABLE_MMAP": False})
    what = KINDS[kind]
    network = what["network"]()
    network.load_state_dict(read(weights))
    network.eval()
    names = tuple(what["outputs"])
    shape = (what["batch"], 1, *what["patch"])
    # Tracing runs the network four times, to be sure: on the smallest input that it takes.
    least = torch.zeros(what["batch"], 1, *(what["multiple"] or what["patch"]))
    with torch.no_grad():
        model = openvino.convert_model(_Named(network, names), example_input=least)
    model.reshape(list(shape))
    model.inputs[0].get_tensor().set_names({"hu"})
    for port, name in zip(model.outputs, names, strict=True):
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()
    return model


def tiles_of(
    folder: Path, patch: tuple[int, int, int], *, count: int, skip: int
) -> list[npt.NDArray[np.float32]]:
    """Return HU [1, 1, *patch]: parts of stored scenes, each around a nodule or an empty place."""
    scenes = stored(folder)
    # Another place in each scene: nodules come first among them.
    crops = (_around(s, n + 7 * i, patch) for n in itertools.count() for i, s in enumerate(scenes))
    return [as_hu(values)[None, None] for values in itertools.islice(crops, skip, skip + count)]


def _around(scene: StoredScene, number: int, patch: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return the part of a scene around one of its places; air where the scene ends."""
    hu = scene.hu()
    centre = scene.around[number % len(scene.around)]
    start = [
        int(np.clip(c - p / 2, 0, max(n - p, 0))) for c, p, n in zip(centre, patch, hu.shape, strict=True)
    ]
    part = hu[tuple(slice(s, s + p) for s, p in zip(start, patch, strict=True))]
    return np.pad(part, [(0, p - n) for p, n in zip(patch, part.shape, strict=True)])


def quantised(
    model: openvino.Model, calibration: list[npt.NDArray[np.float32]], *, exact: tuple[int, int] = (3, 2)
) -> openvino.Model:
    """Quantise to INT8 after training; the stem and the heads stay in floating point.

    Args:
        model: As `converted` gives it; changed in place.
        calibration: HU [1, 1, *patch].
        exact: How many of the first and of the last convolutions stay in floating point.

    Quantised throughout, the detector's logits moved so far that faint nodules changed sides of the threshold; the
    first three and the last two convolutions are where it happened, and cost little.
    """
    import nncf

    return nncf.quantize(
        model,
        nncf.Dataset(calibration, lambda hu: {"hu": hu}),
        subset_size=len(calibration),
        preset=nncf.QuantizationPreset.MIXED,
        fast_bias_correction=True,
        ignored_scope=nncf.IgnoredScope(names=outermost(model, *exact), validate=False),
        # Without VNNI, sums of two products saturate at 16 bits; weights of 7 bits cannot.
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )


def drift(
    f32: openvino.Model, int8: openvino.Model, checks: list[npt.NDArray[np.float32]], output: str
) -> float:
    """Return the mean difference of probabilities where FP32 says more than 0.2 (or anywhere, for a vector)."""
    core = openvino.Core()
    exact, rounded = (core.compile_model(m, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}) for m in (f32, int8))
    differences = []
    for hu in checks:
        a, b = (1 / (1 + np.exp(-m({"hu": hu})[output])) for m in (exact, rounded))
        hot = a > 0.2 if a.size > 8 else np.ones_like(a, bool)
        differences.extend(np.abs(a[hot] - b[hot]).tolist())
    return float(np.mean(differences)) if differences else 0.0


MOST_LOST = 0.01
"""Of the sensitivity at the operating point, by INT8."""


def operating_points(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return what ships by precision; INT8 has a threshold of its own where it was measured."""
    f32 = {key: report["shipped"][key] for key in ("detector", "candidate", "bias", "threshold")}
    return {
        "f32": f32,
        "int8": f32 | {"threshold": report["shipped"].get("threshold_int8", f32["threshold"])},
    }


def figures(report: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the manifest: sensitivity by false positives a scan, and CPM with its interval."""
    told = {}
    for name in ("real scans", "inserted nodules"):
        if name not in report:
            continue
        part = report[name]
        told[name.replace(" ", "_")] = {
            "scans": part["scans"],
            "nodules": part["nodules"],
            "cpm": [
                round(part["cpm"][key], 4) for key in ("value", "low", "high") if part["cpm"][key] is not None
            ],
            "sensitivity_at": {
                f"{rate['false_positives_a_scan']:g}": round(rate["sensitivity"]["value"], 4)
                for rate in part["rates"]
            },
        }
    return told


def measured_gate(report: dict[str, Any], *, drift_passed: bool) -> AccuracyGate:
    """Judge INT8 by the sensitivity of both networks on the chests that neither fold saw."""
    told = report["int8"]["sensitivity"]
    return AccuracyGate(
        metric="sensitivity at the operating point, held-out chests, both networks in this precision",
        f32=round(told["f32"], 5),
        int8=round(told["int8"], 5),
        max_drop=MOST_LOST,
        passed=drift_passed and told["f32"] - told["int8"] <= MOST_LOST,
    )


def main() -> None:
    """Write one package."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--card", type=Path, help="the model card, packed as card.md")
    parser.add_argument("--calibration", type=Path, help="scenes to quantise with; without, FP32 only")
    parser.add_argument("--chests", type=Path, nargs="+", help="lungs: chests to quantise with, and --shapes")
    parser.add_argument("--shapes", type=Path, help="lungs: shapes.pkl of prepare.py")
    parser.add_argument("--tiles", type=int, default=24, help="how many to quantise with")
    parser.add_argument("--point", type=Path, help="JSON of operating_point.py: what ships, and its figures")
    parser.add_argument("--out", type=Path, default=Path("models"))
    options = parser.parse_args()
    what = KINDS[options.kind]
    words = tomllib.loads(options.settings.read_text())[options.kind]
    report = json.loads(options.point.read_text()) if options.point else None
    if report and options.kind == "candidate":
        words["operating_point"] = operating_points(report)
    if report and options.kind != "lungs":
        words["metrics"] = figures(report)
    model = converted(options.kind, options.weights)
    folder = options.out / what["name"]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    openvino.save_model(model, folder / "f32.xml", compress_to_fp16=False)
    gate = None
    if options.calibration:
        most = float(words.pop("most_drift", 0.03))
        tiles = tiles_of(options.calibration, what["patch"], count=options.tiles, skip=0)
        small = quantised(model.clone(), tiles)
        count = max(options.tiles // 2, 1)
        checks = tiles_of(options.calibration, what["patch"], count=count, skip=options.tiles)
        output = next(iter(what["outputs"]))
        moved = drift(model, small, checks, output)
        print(f"{what['name']}: INT8 moves probabilities by {moved:.4f} on average (limit {most})")
        gate = AccuracyGate(
            metric=f"1 - mean drift of the probability of `{output}`",
            f32=1.0,
            int8=round(1 - moved, 5),
            max_drop=most,
            passed=moved <= most,
        )
        if report and "int8" in report:
            gate = measured_gate(report, drift_passed=gate.passed)
        if gate.passed:
            openvino.save_model(small, folder / "int8.xml", compress_to_fp16=False)
    if options.chests:
        samples = lung_gate.samples
        calibration = samples(options.chests, options.shapes, what["patch"], count=options.tiles, seed=1)
        checks = samples(options.chests, options.shapes, what["patch"], count=options.tiles, seed=2)
        small = quantised(model.clone(), [hu for hu, _ in calibration], exact=(0, 0))
        f32 = lung_gate.mean_dice(model, checks)
        int8 = lung_gate.mean_dice(small, checks)
        print(
            f"{what['name']}: Dice {f32:.4f} in FP32, {int8:.4f} in INT8 (drop allowed {lung_gate.MOST_DROP})"
        )
        gate = AccuracyGate(
            metric="mean Dice on chests with disease drawn into them",
            f32=round(f32, 5),
            int8=round(int8, 5),
            max_drop=lung_gate.MOST_DROP,
            passed=f32 - int8 <= lung_gate.MOST_DROP,
        )
        if gate.passed:
            openvino.save_model(small, folder / "int8.xml", compress_to_fp16=False)
    words.pop("most_drift", None)
    if options.card:
        (folder / "card.md").write_text(options.card.read_text())
    manifest = Manifest(
        name=what["name"],
        task=what["task"],
        reader="lung_nodule",
        licence="Apache-2.0",
        input=Input(
            name="hu",
            spacing_mm=(what["spacing"],) * 3,
            patch=what["patch"],
            multiple=what["multiple"],
            batch=what["batch"],
            window_hu=WINDOW_HU,
        ),
        outputs=what["outputs"],
        accuracy_gate=gate,
        **words,
    )
    package = write_manifest(folder, manifest)
    print(f"{package.name} {package.version} {package.digest[:12]} {', '.join(package.precisions)}")


if __name__ == "__main__":
    main()
