"""The chests that are compared on, decoded, with what is known to be in them; kept on disk for the other processes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firstread.dicom.choose import choose_series
from firstread.dicom.discover import open_study
from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.evaluation.annotations import ANNOTATIONS_JSON, read_annotations
from firstread.evaluation.froc import Truth
from firstread.evaluation.marks import LEAST_READERS
from firstread.phantom import Phantom, make_phantom
from firstread.readers.lung_nodule.grid import labels_on
from training.lung_nodule.backgrounds import classical_lungs

CLASSICAL = "classical labels, checked by eye, of the kind that the network was trained on"
DRAWN = "as drawn"
NODULES = 24
"""Drawn into the phantom on which accuracy is compared."""


@dataclass(frozen=True, eq=False)
class Case:
    """A decoded chest CT.

    Attributes:
        name: Of its folder, or phantom-SEED.
        volume: HU on the scanner's own grid; without headers.
        lungs: Reference labels on that grid: 1 right, 2 left.
        lungs_are: Where they come from.
        nodules: What readers marked, or what was drawn; `counts` for those of `LEAST_READERS` readers and more.
    """

    name: str
    volume: Volume
    lungs: npt.NDArray[np.uint8]
    lungs_are: str
    nodules: tuple[Truth, ...]


def case_of_folder(folder: Path) -> Case:
    """Decode the best chest series of a folder, and take its `annotations.json` where it has one."""
    study = open_study(folder)
    volume = study.volume(choose_series(study).series)
    labels, grid = classical_lungs(volume)
    annotations = folder / ANNOTATIONS_JSON
    marked = read_annotations(annotations).nodules if annotations.is_file() else ()
    nodules = tuple(Truth(n.center_lps_mm, n.diameter_mm, counts=n.agreed(LEAST_READERS)) for n in marked)
    lungs = labels_on(labels, grid, volume.geometry)
    plain = Volume(hu=volume.hu, geometry=volume.geometry, sources=(), headers=())
    return Case(folder.resolve().name, plain, lungs, CLASSICAL, nodules)


def case_of_phantom(*, seed: int, nodules: int | None = None) -> Case:
    """Make a phantom of usual size; None places the four nodules of a plain `firstread phantom`."""
    return _of_phantom(make_phantom(seed=seed, nodules=nodules), f"phantom-{seed}")


def tiny_case() -> Case:
    """Make the part of a coarse phantom that holds the lungs, so many slices of them: for tests of the benchmark."""
    whole = _of_phantom(
        make_phantom(seed=3, nodules=2, slices=24, spacing_mm=(2.5, 2.8, 2.8), matrix=128), "phantom-tiny"
    )
    rows, columns = (np.flatnonzero((whole.lungs > 0).any(axis)) for axis in ((0, 2), (0, 1)))
    box = (
        slice(0, whole.volume.hu.shape[0]),
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )
    volume = Volume(np.ascontiguousarray(whole.volume.hu[box]), whole.volume.geometry.cropped(box), (), ())
    return Case(whole.name, volume, np.ascontiguousarray(whole.lungs[box]), whole.lungs_are, whole.nodules)


def _of_phantom(phantom: Phantom, name: str) -> Case:
    nodules = tuple(Truth(n.center_lps_mm, n.diameter_mm.mean) for n in phantom.truth.nodules)
    volume = Volume(hu=phantom.hu, geometry=phantom.geometry, sources=(), headers=())
    return Case(name, volume, phantom.lungs, DRAWN, nodules)


def save_case(case: Case, folder: Path) -> None:
    """Write a case to a folder of its own name."""
    place = folder / case.name
    place.mkdir(parents=True)
    np.save(place / "hu.npy", case.volume.hu)
    np.save(place / "lungs.npy", case.lungs)
    told = {
        "affine": case.volume.geometry.affine.tolist(),
        "lungs_are": case.lungs_are,
        "nodules": [asdict(nodule) for nodule in case.nodules],
    }
    (place / "case.json").write_text(json.dumps(told), encoding="utf-8")


def load_case(place: Path) -> Case:
    """Read what `save_case` wrote."""
    told = json.loads((place / "case.json").read_text(encoding="utf-8"))
    hu = np.load(place / "hu.npy")
    volume = Volume(hu, Geometry(hu.shape, np.array(told["affine"])), (), ())
    nodules = tuple(
        Truth(tuple(n["center_lps_mm"]), n["diameter_mm"], counts=n["counts"]) for n in told["nodules"]
    )
    return Case(place.name, volume, np.load(place / "lungs.npy"), told["lungs_are"], nodules)
