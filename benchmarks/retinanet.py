"""MONAI's lung-nodule RetinaNet on a whole study: its default way in PyTorch against firstread's, on the same weights.

The network is the one of MONAI's lung_nodule_ct_detection (3-D RetinaNet, ResNet-50, feature pyramid) in its real
size, with random weights: the published ones are not part of this repository. It is saved as a Bundle, converted and
quantised as a site would do it (`firstread models convert`, `quantize`), and run as the reader runs it. Random weights
find nothing: nothing here says how well nodules are found, and INT8's gate can only ask whether scores stay what they
are in FP32, on windows of the study that it was not quantised on. A site's gate asks for sensitivity.

1. Agreement: boxes and scores of one window, from MONAI's own detector and from ours.
2. MONAI's default way: windows of 512 × 512 × 192 voxels over the whole scan, overlap 0.25, eager PyTorch in FP32, on
   PyTorch's own number of threads. One window of the size that it was trained on is timed, and extrapolated by voxels
   to all windows that MONAI would slide, because one of the large ones takes minutes and some ten gigabytes;
   --whole-window times one of the large ones instead, and extrapolates from it by number.
3. firstread: windows on and around the lungs, a halo in place of blended overlap; the whole study, from the decoded
   volume and its lungs to candidates in millimetres, in FP32 and in INT8. Speed is judged by the faster of those that
   passed, which is what a read takes.

The heads' group norms take mean and variance of the whole window. Windows of another size or place therefore give
other scores on the same weights: 1 holds window by window, not between 2 and 3. The floor is what the lungs' own voxels
cost.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # neither benchmarks/ nor training/ is installed

from benchmarks.engines.bars import Verdict  # noqa: E402
from benchmarks.engines.bundle_files import REAL, SPACING_MM, TRAINED_ON, WINDOW  # noqa: E402
from benchmarks.engines.cases import Case, case_of_folder, case_of_phantom, tiny_case  # noqa: E402
from benchmarks.engines.detector_work import Setting, work  # noqa: E402
from benchmarks.engines.monai_detector import random_network, write_bundle  # noqa: E402
from benchmarks.engines.peak import SECONDS, measured_peak  # noqa: E402
from benchmarks.engines.quantised_detector import MOST_DROP, resized, with_int8, write_windows  # noqa: E402
from benchmarks.engines.same_boxes import agreement  # noqa: E402
from benchmarks.one_read import host, shared_study  # noqa: E402
from firstread.engine import Engine, ModelPackage, Network, cpu  # noqa: E402
from firstread.engine.conversion import Facts, convert  # noqa: E402
from firstread.errors import RefusedInput  # noqa: E402
from firstread.readers.lung_nodule.detectors import find_candidates  # noqa: E402
from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid  # noqa: E402
from firstread.readers.lung_nodule.lungs import Lungs  # noqa: E402

LEAST_OVERLAP, MOST_APART = 0.9, 0.02
"""Of a box with its partner (intersection over union); of their scores."""
LEAST_RATIO, MOST_SECONDS = 8.0, 120.0
PATCH = (248, 304, 432)
"""z, y, x: both lungs of lidc-0002 at once, so that no voxel is seen twice. A larger chest takes several windows."""
TINY = "resnet10(spatial_dims=3,n_input_channels=1,conv1_t_stride=[2,2,1],conv1_t_size=[7,7,7],widen_factor=0.125)"
TINY_SPACING_MM, TINY_WINDOW, TINY_PATCH = (2.8, 2.8, 2.5), (64, 64, 16), (16, 48, 48)
CALIBRATION = (48, 96, 96)
"""z, y, x: a window that is quantised on; the graph is given the real size afterwards."""
QUICK_MOST_DROP = 0.2
"""A tiny network is taken as it comes: to go back layer by layer takes minutes."""
_CUBE_MM = 2.0
_TERA = 1e12

Triple = tuple[int, int, int]


def main() -> None:
    """Run the comparison, print it, and keep it as JSON."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="firstread-retinanet-") as name:
        report = compared(options, Path(name))
    print_report(report)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line; a quick run does not overwrite the results of a real one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--study", type=Path, help="folder of DICOM; default: the shared lidc-0002, else a phantom"
    )
    parser.add_argument(
        "--patch",
        type=int,
        nargs=3,
        metavar=("Z", "Y", "X"),
        help=f"our window; default: {' '.join(map(str, PATCH))}",
    )
    parser.add_argument(
        "--repeats", type=int, default=1, help="of each time; the median is told (default: 1)"
    )
    parser.add_argument(
        "--whole-window", action="store_true", help="time one of MONAI's windows of 512 × 512 × 192"
    )
    parser.add_argument(
        "--agreement-only", action="store_true", help="only compare one window, and time it both ways"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tiny network on a tiny phantom: tries the script"
    )
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    if options.study is not None and not options.study.exists():
        parser.error(f"{options.study} does not exist")
    partial = options.quick or options.agreement_only
    kept = (
        ROOT / "out" / "retinanet-quick.json"
        if partial
        else ROOT / "benchmarks" / "results" / "retinanet.json"
    )
    options.json = options.json or kept
    return options


def setting_of(options: argparse.Namespace) -> Setting:
    """Return what to run."""
    if options.quick:
        return Setting(TINY, TINY_SPACING_MM, TINY_WINDOW, TINY_WINDOW, tuple(options.patch or TINY_PATCH))
    timed = WINDOW if options.whole_window else TRAINED_ON
    return Setting(REAL, SPACING_MM, WINDOW, timed, tuple(options.patch or PATCH))


def compared(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Run everything and return the report."""
    setting = setting_of(options)
    network = random_network(setting.backbone)
    bundle = write_bundle(
        scratch / "bundle",
        network,
        backbone=setting.backbone,
        spacing_mm=setting.spacing_mm,
        weights="model.pt",
    )
    compared_on = TINY_WINDOW if options.quick else TRAINED_ON
    report: dict[str, Any] = {
        "measured": datetime.now(UTC).date().isoformat(),
        "quick": options.quick,
        "machine": {**host(), "torch": version("torch"), "monai": version("monai")},
        "setting": asdict(setting),
        "weights": "random",
        "repeats": options.repeats,
    }
    with Engine(precision="f32", cache_dir=scratch / "cache") as engine:
        alike = packed(bundle, scratch / "alike", compared_on[::-1])
        report["agreement"] = agreement(network, engine.network(alike))
        say(f"agreement: {report['agreement']}")
        if options.agreement_only:
            return report
        case = the_case(options)
        lungs = lungs_of(case)
        small = packed(bundle, scratch / "small", TINY_PATCH if options.quick else CALIBRATION)
        package = resized(small, setting.patch, scratch / "ours")
        report |= {"study": case.name, "work": work(package, lungs, case, setting)}
        say(f"work: {report['work']}")
        peak = measured_peak(
            threads=cpu.granted().threads, seconds=0.05 if options.quick else SECONDS, quick=options.quick
        )
        report["peak_f32_gflop_per_second"] = peak.f32 / 1e9
        report["monai"] = monais_way(network, setting, report["work"]["monai_windows"], options.repeats)
        say(f"MONAI: {report['monai']}")
        report["firstread"] = our_way(engine.network(package), case, lungs, options.repeats)
        say(f"firstread: {report['firstread']}")
    report["firstread_int8"] = in_int8(small, package, scratch, case, lungs, options)
    say(f"firstread, INT8: {report['firstread_int8']}")
    report["floor_seconds"] = report["work"]["floor_tflop"] * _TERA / peak.f32
    report["share_of_peak"] = (
        report["work"]["ours_tflop"] * _TERA / peak.f32 / report["firstread"]["network_seconds"]
    )
    report["ratio"] = report["monai"]["study_seconds"] / fastest(report)
    report["bars"] = [vars(verdict) for verdict in verdicts(report)]
    return report


def packed(bundle: Path, out: Path, patch: Triple) -> ModelPackage:
    """Convert the bundle, as a site does it, for one window (z, y, x)."""
    facts = Facts(
        name="lung_nodule_detector", task=None, patch=patch, reader="lung_nodule", licence="Apache-2.0"
    )
    return convert(bundle, facts, out=out)


def the_case(options: argparse.Namespace) -> Case:
    """Decode the study."""
    if options.quick:
        return tiny_case()
    folder = options.study or shared_study()
    return case_of_folder(folder) if folder.exists() else case_of_phantom(seed=0)


def lungs_of(case: Case) -> Lungs:
    """Return the case's reference lungs in the form in which the reader has them."""
    grid = reading_grid(*extent_lps_mm(case.volume.geometry), spacing_mm=_CUBE_MM)
    return Lungs(labels=case.lungs, coarse=labels_on(case.lungs, case.volume.geometry, grid), grid=grid)


def monais_way(
    network: torch.nn.Module, setting: Setting, windows: int, repeats: int
) -> dict[str, float | int]:
    """Time one window of eager PyTorch, network alone, and extrapolate to the study."""
    image = torch.rand(1, 1, *setting.timed, generator=torch.Generator().manual_seed(0))

    def run() -> None:
        with torch.no_grad():
            network(image)

    seconds = timed(run, repeats)
    share = float(np.prod(setting.window) / np.prod(setting.timed))
    return {
        "threads": torch.get_num_threads(),
        "timed_window_seconds": seconds,
        "extrapolated_by": windows * share,
        "study_seconds": seconds * windows * share,
    }


def our_way(network: Network, case: Case, lungs: Lungs, repeats: int) -> dict[str, float | int]:
    """Time the whole study, from the decoded volume and its lungs to candidates; its windows need no warming up."""
    told: list[float] = []
    counts: list[int] = []

    def run() -> None:
        told.clear()
        found = find_candidates(case.volume, lungs, network, progress=lambda *_: told.append(perf_counter()))
        counts.append(len(found))

    seconds = timed(run, repeats)
    return {
        "study_seconds": seconds,
        "network_seconds": told[-1] - told[0],
        "windows": len(told) - 1,
        "candidates": counts[-1],
        "peak_resident_gb": cpu.resident_peak() / 1e9,
    }


def in_int8(
    small: ModelPackage,
    package: ModelPackage,
    scratch: Path,
    case: Case,
    lungs: Lungs,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Quantise under the gate, and time the whole study; tell why where INT8 may not be used."""
    windows = scratch / "windows"
    write_windows(windows, case, lungs, small)
    try:
        limit = QUICK_MOST_DROP if options.quick else MOST_DROP
        whole, made = with_int8(package, small, windows, scratch / "int8", max_drop=limit)
    except RefusedInput as error:
        return {"refused": str(error)}
    told = {"gate": made.gate.model_dump(), "in_int8": made.in_int8, "in_f32": made.in_f32}
    with Engine(precision="int8", cache_dir=scratch / "cache") as engine:
        return told | our_way(engine.network(whole), case, lungs, options.repeats)


def timed(run: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of some runs."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        seconds.append(perf_counter() - start)
    return float(np.median(seconds))


def fastest(report: dict[str, Any]) -> float:
    """Return the seconds of a study in the precision that a read would take."""
    ways = (report["firstread"], report["firstread_int8"])
    return min(way["study_seconds"] for way in ways if "study_seconds" in way)


def verdicts(report: dict[str, Any]) -> list[Verdict]:
    """Judge every bar."""
    same, seconds = report["agreement"], fastest(report)
    alike = same["boxes_monai"] == same["boxes_firstread"] > 0 and same["least_overlap"] >= LEAST_OVERLAP
    return [
        Verdict(
            f"same boxes on one window, overlap at least {LEAST_OVERLAP:g}",
            f"{same['boxes_firstread']} of {same['boxes_monai']}, overlap {same['least_overlap']:.4f}",
            alike,
        ),
        Verdict(
            f"scores within {MOST_APART:g}",
            f"{same['largest_difference_of_scores']:.2g}",
            same["largest_difference_of_scores"] <= MOST_APART,
        ),
        Verdict(
            f"whole study at least {LEAST_RATIO:g}x as fast",
            f"{report['ratio']:.1f}x",
            report["ratio"] >= LEAST_RATIO,
        ),
        Verdict(
            f"whole study under {MOST_SECONDS:g} s",
            f"{seconds:.0f} s on {report['machine']['granted']} threads",
            seconds < MOST_SECONDS,
        ),
    ]


def print_report(report: dict[str, Any]) -> None:
    """Print the comparison."""
    same = report["agreement"]
    print(
        f"\none window: {same['boxes_firstread']} boxes, MONAI {same['boxes_monai']}; least overlap "
        f"{same['least_overlap']:.5f}, scores at most {same['largest_difference_of_scores']:.2g} apart; "
        f"{same['window_seconds_firstread']:.2f} s, MONAI {same['window_seconds_monai']:.2f} s"
    )
    if "ratio" not in report:
        return
    done, theirs, ours = report["work"], report["monai"], report["firstread"]
    int8 = report["firstread_int8"]
    print(f"{report['study']}, {report['machine']['processor']}, {report['machine']['granted']} threads\n")
    print("| | windows | TFLOP | seconds |\n|---|---|---|---|")
    print(
        f"| MONAI, PyTorch, extrapolated × {theirs['extrapolated_by']:.1f} from {theirs['timed_window_seconds']:.1f} s "
        f"| {done['monai_windows']} | {done['monai_tflop']:.1f} | {theirs['study_seconds']:.0f} |"
    )
    print(
        f"| firstread, FP32, measured | {ours['windows']} | {done['ours_tflop']:.1f} | {ours['study_seconds']:.1f} |"
    )
    if "study_seconds" in int8:
        print(f"| firstread, INT8, measured | {int8['windows']} | the same | {int8['study_seconds']:.1f} |")
    print(
        f"| floor: the lungs' voxels at the measured peak | | {done['floor_tflop']:.1f} "
        f"| {report['floor_seconds']:.1f} |"
    )
    print(
        f"\n{report['ratio']:.1f}x; FP32 at {report['share_of_peak']:.0%} of the peak "
        f"({report['peak_f32_gflop_per_second']:.0f} GFLOP/s); peak memory {ours['peak_resident_gb']:.1f} GB"
    )
    if "refused" in int8:
        print(f"INT8 is not used: {int8['refused']}")
    else:
        gate = int8["gate"]
        print(
            f"INT8: {gate['metric']}: {gate['int8']:.4f} (limit {1 - gate['max_drop']:g}); {int8['in_int8']} layers in "
            f"INT8, {int8['in_f32']} in FP32"
        )
    for verdict in report["bars"]:
        print(Verdict(**verdict))


def say(line: str) -> None:
    """Tell progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
