"""Compare outlines with what readers drew on real scans, and with the truth of inserted nodules.

    python -m training.lung_nodule.measure_outlines --scans DIR --inserted 400 --shapes shapes.pkl --backgrounds DIR

Real nodules are seeded at the readers' mean centre and at centres and diameters as far off as a detector's.
Inserted ones have shapes of patients that nothing was trained on or chosen by. Intervals (95 %) draw nodules anew.

LIDC readers drew the first pixel outside the nodule, so a diameter between their points is about a pixel too long. Both
are printed: against the points as they stand, and against what lies inside them (one pixel less; `inner`).
"""

import argparse
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.engine import Engine
from firstread.readers.lung_nodule.attenuation import attenuation_of
from firstread.readers.lung_nodule.attributes import attributes_of
from firstread.readers.lung_nodule.grid import labels_on
from firstread.readers.lung_nodule.lungs import segment_lungs
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.outline import outline_nodule
from training.lung_nodule.attribute_features import JITTER_MM, JITTER_SHARE
from training.lung_nodule.backgrounds import classical_lungs, load, read_scan
from training.lung_nodule.inserted import Chest
from training.lung_nodule.rendering import Protocol, random_protocol
from training.lung_nodule.scenes import ShapeStore

KINDS = ("solid", "part-solid", "ground-glass")
SIZES_MM = ((3.0, 6.0), (6.0, 20.0), (20.0, 60.0))
SEEDS = 8
"""Seeds off the readers' centre, for each real nodule."""


@dataclass(frozen=True)
class Compared:
    """One outline beside its truth.

    Attributes:
        name: Of the nodule.
        truth_mm: Long axis (real: mean of the readers) or mean diameter (inserted).
        found_mm: The same of the outline; nan where nothing was outlined.
        truth_mm3: Volume.
        found_mm3: The same of the outline.
        truth_kind: solid, part-solid or ground-glass.
        found_kind: What we call it; calcified and fat count as solid.
        tags: For tables: site, protocol.
        inner_mm: The readers' long axis less one pixel; the truth itself for inserted ones.
    """

    name: str
    truth_mm: float
    found_mm: float
    truth_mm3: float
    found_mm3: float
    truth_kind: str
    found_kind: str
    tags: tuple[str, ...]
    inner_mm: float


def kind_of(texture: float) -> str:
    """Return the class that a rating of texture stands for."""
    return "solid" if texture >= 3.5 else "part-solid" if texture >= 1.5 else "ground-glass"


def outlined(
    volume: Volume, lungs: npt.NDArray[np.uint8], centre: npt.ArrayLike, diameter: float
) -> tuple[float, float, float, str]:
    """Return long axis, mean diameter, volume and class of the outline at a seed; nan and "none" without one."""
    mask = outline_nodule(volume, lungs, center_lps_mm=centre, diameter_mm=diameter)
    if mask is None:
        return float("nan"), float("nan"), float("nan"), "none"
    size = measure_mask(volume, mask)
    called = attenuation_of(volume, mask).attenuation
    kind = called if called in KINDS else "solid"
    return size.diameter_mm.long, size.diameter_mm.mean, size.volume_mm3, kind


def real(
    folder: Path, engine: Engine | None, rng: np.random.Generator
) -> tuple[list[Compared], list[Compared]]:
    """Compare the marked nodules of a scan: from the readers' centre, and from seeds off it."""
    volume, _ = read_scan(folder)
    if engine is None:
        labels, coarse = classical_lungs(volume)
        lungs = labels_on(labels, coarse, volume.geometry)
    else:
        lungs = segment_lungs(volume, engine.network("lung_nodule_lungs")).labels
    pixel_mm = volume.geometry.spacing_mm[1]
    exact, moved = [], []
    marks = json.loads((folder / "annotations.json").read_text())["readers_annotations"]
    for number, group in enumerate(grouped(marks), start=1):
        centre = np.mean([m["center_lps_mm"] for m in group], 0)
        long = float(np.mean([m["long_diameter_mm"] for m in group]))
        truth_mm3 = float(np.mean([m["volume_mm3"] for m in group]))
        kinds = [kind_of(m["texture"]) for m in group]
        most = max(kinds.count(k) for k in KINDS)
        majority = [k for k in KINDS if kinds.count(k) == most]
        print(f"{folder.name} {number}: {described(volume, lungs, centre, long, group)}")
        for seed in range(SEEDS + 1):
            at = centre + (rng.uniform(-JITTER_MM, JITTER_MM, 3) if seed else 0)
            size = long * (1 + rng.uniform(-JITTER_SHARE, JITTER_SHARE) if seed else 1)
            axis, _, mm3, found = outlined(volume, lungs, at, size)
            name = f"{folder.name} {number}"
            kind = found if found in majority else majority[0]  # readers who are divided are not contradicted
            row = Compared(
                name, long, axis, truth_mm3, mm3, kind, found, (f"{len(group)} readers",), long - pixel_mm
            )
            (moved if seed else exact).append(row)
    return exact, moved


def described(
    volume: Volume, lungs: npt.NDArray[np.uint8], centre: npt.ArrayLike, size: float, group: Sequence[dict]
) -> str:
    """Return our attributes beside the readers' mean ratings, in one line; their scans were never learned from."""
    mask = outline_nodule(volume, lungs, center_lps_mm=centre, diameter_mm=size)
    if mask is None:
        return "not outlined"
    ours = attributes_of(volume, mask, attenuation_of(volume, mask).attenuation)
    readers = {
        name: float(np.mean([m[name] for m in group])) for name in ("spiculation", "lobulation", "malignancy")
    }
    calcified = sum(m["calcification"] < 6 for m in group)
    return (
        f"spiculation {readers['spiculation']:.1f} → {ours.spiculation:.1f},"
        f" lobulation {readers['lobulation']:.1f} → {ours.lobulation:.1f},"
        f" suspicion {readers['malignancy']:.1f} → {ours.malignancy:.2f},"
        f" calcified by {calcified} of {len(group)} → {'yes' if ours.calcified else 'no'}"
    )


def grouped(marks: Sequence[dict]) -> list[list[dict]]:
    """Put together what readers marked at one place."""
    groups: list[list[dict]] = []
    for mark in marks:
        for group in groups:
            gap = np.subtract(group[0]["center_lps_mm"], mark["center_lps_mm"])
            if np.linalg.norm(gap) < max(4.0, 0.5 * mark["long_diameter_mm"]):
                group.append(mark)
                break
        else:
            groups.append([mark])
    return groups


def inserted(
    number: int, shapes: ShapeStore, backgrounds: Sequence[Path], rng: np.random.Generator
) -> list[Compared]:
    """Compare inserted nodules, half of them in chests as acquired, half re-rendered."""
    chests = [Chest(load(path)) for path in backgrounds]
    rows: list[Compared] = []
    while len(rows) < number:
        chest = chests[len(rows) % len(chests)]
        shape, _ = shapes.draw_as_found(rng) if shapes.held_out else shapes.draw(rng)
        one = chest.insert(shape, rng, random_protocol(rng) if rng.random() < 0.5 else Protocol())
        if one is None:
            continue
        truth = one.truth.diameter_mm.mean
        centre = np.array(one.truth.center_lps_mm) + rng.uniform(-JITTER_MM, JITTER_MM, 3)
        guess = truth * (1 + rng.uniform(-JITTER_SHARE, JITTER_SHARE))
        _, mean, mm3, found = outlined(one.volume, one.lungs, centre, guess)
        rows.append(
            Compared(
                f"{chest.background.name} {len(rows)}",
                truth,
                mean,
                one.volume_mm3,
                mm3,
                one.kind,
                found,
                (one.site, "re-rendered" if one.protocol != Protocol().words else "as acquired"),
                truth,
            )
        )
    return rows


def printed(title: str, rows: Sequence[Compared]) -> None:
    """Print the figures of some rows: n, bias, error, volume, class."""
    done = [r for r in rows if np.isfinite(r.found_mm)]
    if not done:
        print(f"{title}: nothing outlined of {len(rows)}")
        return
    gap = np.array([r.found_mm - r.truth_mm for r in done])
    inner = np.array([r.found_mm - r.inner_mm for r in done])
    ratio = np.array([r.found_mm3 / r.truth_mm3 - 1 for r in done])
    right = np.array([r.found_kind == r.truth_kind for r in rows], float)
    # Seeds of one nodule are no further evidence: nodules are drawn, with all their rows.
    names = np.array([r.name for r in done])
    all_names = np.array([r.name for r in rows])
    print(
        f"{title}: n {len(rows)} ({len(set(all_names))} nodules), outlined {len(done)};"
        f" bias {gap.mean():+.2f} mm, error {_interval(gap, names, _size)} mm"
        f" (inner {inner.mean():+.2f}, {_interval(inner, names, _size)});"
        f" volume {_interval(ratio, names, lambda v: float(np.median(np.abs(v))))}"
        f" (median {np.median(ratio):+.2f}); class right {_interval(right, all_names, lambda v: float(v.mean()))}"
    )


def confused(rows: Sequence[Compared]) -> None:
    """Print what each class was called."""
    for truth in KINDS:
        called = [r.found_kind for r in rows if r.truth_kind == truth]
        print(
            f"  {truth}: " + ", ".join(f"{k} {called.count(k)}" for k in (*KINDS, "none") if called.count(k))
        )


def _size(values: npt.NDArray[np.float64]) -> float:
    return float(np.abs(values).mean())


def _interval(
    values: npt.NDArray[np.float64],
    names: npt.NDArray[np.str_],
    figure: Callable[[npt.NDArray[np.float64]], float],
) -> str:
    rng = np.random.default_rng(0)
    parts = [values[names == name] for name in np.unique(names)]
    drawn = [
        figure(np.concatenate([parts[k] for k in rng.integers(0, len(parts), len(parts))]))
        for _ in range(400)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{figure(values):.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=Path, help="folder of annotated scans")
    parser.add_argument("--classical", action="store_true", help="lungs without the network")
    parser.add_argument("--inserted", type=int, default=0, help="how many nodules to insert")
    parser.add_argument("--shapes", type=Path, help="what prepare.py wrote")
    parser.add_argument("--backgrounds", type=Path, help="folder of backgrounds")
    parser.add_argument("--learning", action="store_true", help="shapes that training may use, to choose by")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    if options.inserted:
        shapes = ShapeStore(pickle.loads(options.shapes.read_bytes()), held_out=not options.learning)
        rows = inserted(options.inserted, shapes, sorted(options.backgrounds.glob("*.npz")), rng)
        printed("inserted, all", rows)
        confused(rows)
        for low, high in SIZES_MM:
            printed(f"  {low:g}-{high:g} mm", [r for r in rows if low <= r.truth_mm < high])
        for tag in KINDS:
            printed(f"  {tag}", [r for r in rows if r.truth_kind == tag])
        for tag in sorted({tag for r in rows for tag in r.tags}):
            printed(f"  {tag}", [r for r in rows if tag in r.tags])
    if options.scans:
        exact: list[Compared] = []
        moved: list[Compared] = []
        with Engine() as engine:
            for folder in sorted(options.scans.glob("*/annotations.json")):
                one, more = real(folder.parent, None if options.classical else engine, rng)
                exact, moved = exact + one, moved + more
        for title, some in (("readers' centre", exact), ("seeds off it", moved)):
            agreed = [r for r in some if r.tags[0] in {"3 readers", "4 readers"}]
            for label, part in (("all marks", some), ("three or four readers", agreed)):
                printed(f"real, {title}, {label}", part)
                printed("  6-20 mm", [r for r in part if 6 <= r.truth_mm <= 20])
            confused(some)
        for r in exact:
            print(
                f"  {r.name} ({r.tags[0]}): long {r.truth_mm:.1f} → {r.found_mm:.1f} mm,"
                f" volume {r.truth_mm3:.0f} → {r.found_mm3:.0f} mm³, {r.truth_kind} → {r.found_kind}"
            )


if __name__ == "__main__":
    main()
