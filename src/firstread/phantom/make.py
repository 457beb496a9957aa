"""From a seed to a chest CT."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from firstread.dicom.geometry import Geometry
from firstread.errors import UsageError
from firstread.phantom.anatomy import Anatomy, build_anatomy
from firstread.phantom.frame import frame_on_lungs
from firstread.phantom.imaging import scan
from firstread.phantom.lung_trees import LungTrees, build_trees
from firstread.phantom.nodule_spec import DEFAULT_NODULES, NoduleSpec, drawn_nodules
from firstread.phantom.patient import Patient, draw_patient
from firstread.phantom.placing import place_nodules
from firstread.phantom.scanner import KERNELS, Kernel, default_noise_hu
from firstread.phantom.truth import PhantomTruth
from firstread.progress import Progress, silent

MOST_NODULES = 100


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic chest CT and everything that is known of it.

    Attributes:
        hu: int16 (slice, row, column): slices feet to head, rows front to back, columns right to left.
        geometry: Grid of `hu` in patient coordinates (LPS).
        lungs: uint8 on the same grid; 0 none, 1 right, 2 left. Vessels and nodules inside count as lung.
        nodules: uint8 on the same grid; 0 none, i + 1 for truth.nodules[i] where it fills half a voxel.
        truth: Ground truth.
        patient: The build that was drawn.
    """

    hu: npt.NDArray[np.int16]
    geometry: Geometry
    lungs: npt.NDArray[np.uint8]
    nodules: npt.NDArray[np.uint8]
    truth: PhantomTruth
    patient: Patient


def make_phantom(
    *,
    seed: int = 0,
    slices: int | None = None,
    spacing_mm: tuple[float, float, float] = (1.25, 0.7, 0.7),
    thickness_mm: float | None = None,
    matrix: int = 512,
    nodules: Sequence[NoduleSpec] | int | None = None,
    kernel: Kernel = "standard",
    dose_noise_hu: float | None = None,
    patient: Patient | None = None,
    progress: Progress = silent,
) -> Phantom:
    """Make a chest CT; equal arguments give equal bytes.

    Person, nodules and noise come from separate random streams of the seed: a second phantom of the same
    seed with larger nodules at the same `center_lps_mm` is the same person's follow-up.

    Args:
        seed: Chooses the person, the trees, the places and the noise; not negative.
        slices: Number of slices, centred on the lungs; None covers the lungs.
        spacing_mm: Steps along (slice, row, column).
        thickness_mm: Slice thickness (full width at half maximum); None is the slice spacing.
        matrix: Rows and columns.
        nodules: What to place, how many to draw, or None for four of different kinds.
        kernel: Reconstruction kernel.
        dose_noise_hu: Standard deviation in the middle of the body; None is the kernel's usual, 0 none.
        patient: A build; None draws one.
        progress: Called with the stages anatomy, nodules, slices.

    Raises:
        UsageError: an argument is out of range, or a nodule does not fit.
    """
    thickness = float(thickness_mm if thickness_mm is not None else spacing_mm[0])
    _check(seed, slices, spacing_mm, thickness, matrix, kernel, dose_noise_hu)
    noise_hu = default_noise_hu(kernel, thickness) if dose_noise_hu is None else float(dose_noise_hu)
    specs = DEFAULT_NODULES if nodules is None else nodules
    count = specs if isinstance(specs, int) else len(specs)
    if not 0 <= count <= MOST_NODULES:
        raise UsageError(f"{count} nodules were asked for.", remedy=f"Ask for 0 to {MOST_NODULES}.")
    if isinstance(specs, int):
        specs = drawn_nodules(specs, seed)

    build, anatomy, trees = _person(seed, patient)
    progress("anatomy", 1.0)
    frame = frame_on_lungs(anatomy, seed, slices, spacing_mm, matrix)
    placed = place_nodules(specs, anatomy, trees, frame.room, seed=seed)
    progress("nodules", 1.0)
    hu, lungs, labels = scan(
        anatomy,
        trees,
        placed,
        frame,
        seed=seed,
        thickness=thickness,
        kernel=kernel,
        noise_hu=noise_hu,
        contrast=build.contrast,
        progress=progress,
    )
    right, left = (round(int((lungs == side).sum()) * frame.geometry.voxel_mm3 / 1000, 1) for side in (1, 2))
    truth = PhantomTruth(
        seed=seed,
        spacing_mm=spacing_mm,
        thickness_mm=thickness,
        kernel=kernel,
        noise_hu=round(noise_hu, 2),
        contrast=build.contrast,
        sex=build.sex,
        age_years=build.age_years,
        lung_volume_ml=(right, left),
        nodules=tuple(nodule.truth for nodule in placed),
    )
    return Phantom(hu, frame.geometry, lungs, labels, truth, build)


@lru_cache(maxsize=1)
def _person(seed: int, patient: Patient | None) -> tuple[Patient, Anatomy, LungTrees]:
    """Draw a person; the last one is kept (about 200 MB), since follow-ups and other kernels are of the same."""
    rng = np.random.default_rng([seed, 1])
    build = draw_patient(rng) if patient is None else patient
    anatomy = build_anatomy(build, rng)
    return build, anatomy, build_trees(anatomy, rng)


def _check(
    seed: int,
    slices: int | None,
    spacing: tuple[float, float, float],
    thickness: float,
    matrix: int,
    kernel: str,
    noise: float | None,
) -> None:
    def refuse(message: str, remedy: str) -> None:
        raise UsageError(message, remedy=remedy)

    if seed < 0:
        refuse(f"The seed is {seed}.", "Use a whole number from 0 up.")
    if not 0.3 <= spacing[0] <= 10 or not all(0.2 <= s <= 4 for s in spacing[1:]):
        refuse(f"The spacing is {spacing} mm.", "Slices may be 0.3 to 10 mm apart, pixels 0.2 to 4 mm.")
    if not 0.3 <= thickness <= 15:
        refuse(f"The slice thickness is {thickness:g} mm.", "It may be 0.3 to 15 mm.")
    if not 32 <= matrix <= 1024 or matrix % 2:
        refuse(f"The matrix is {matrix}.", "Use an even number from 32 to 1024; 512 is usual.")
    if slices is not None and (slices < 1 or slices > 5000):
        refuse(f"{slices} slices were asked for.", "Use 1 to 5000.")
    if kernel not in KERNELS:
        refuse(f"The kernel is {kernel!r}.", f"Use one of: {', '.join(KERNELS)}.")
    if noise is not None and not 0 <= noise <= 500:
        refuse(f"The noise is {noise:g} HU.", "It may be 0 to 500 HU.")
