"""The reader: a chest CT in, nodules found, measured, compared and categorised out."""

from collections.abc import Sequence
from datetime import date
from time import perf_counter

import numpy as np
import numpy.typing as npt

from firstread import __version__
from firstread.dicom.choose import Choice
from firstread.dicom.frames import CT_CLASSES
from firstread.dicom.geometry import Geometry
from firstread.dicom.header import number
from firstread.dicom.series import Series, Study
from firstread.dicom.volume import Volume
from firstread.engine import Engine, Network
from firstread.findings import (
    Acquisition,
    Algorithm,
    Finding,
    Grid,
    Mask,
    Prior,
    ReaderIdentity,
    ReadResult,
    Structure,
    Timings,
)
from firstread.findings.concepts import LUNG
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.assess import categorise
from firstread.readers.lung_nodule.candidates import Judged
from firstread.readers.lung_nodule.compare import compare
from firstread.readers.lung_nodule.describe import described
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT, Lungs
from firstread.readers.lung_nodule.outline import outline_nodule
from firstread.readers.lung_nodule.place import LungHeights
from firstread.readers.lung_nodule.propose import Networks, propose
from firstread.readers.lung_nodule.register import LungMasks
from firstread.readers.lung_nodule.surface import extent

LEAST_MM = 3.0
"""Smaller nodules are micronodules: neither measured nor followed up (Fleischner 2017, Bankier 2017)."""
_SAME_SHARE = 0.3


class LungNoduleReader:
    """Find lung nodules of 3 mm and more on CT; the detector's and the candidate network's packages say how well."""

    name = "lung_nodule"
    version = __version__

    def accepts(self, series: Series) -> bool:
        """Tell whether the series is a CT with more than a few images."""
        return any(i.sop_class_uid in CT_CLASSES for i in series.instances) and series.number_of_images > 3

    def read(
        self, study: Study, engine: Engine, *, prior: ReadResult | None = None, progress: Progress = silent
    ) -> ReadResult:
        """Read the best chest series of a study; see `firstread.readers.base.Reader.read`."""
        proposal = propose(study, engine, progress=progress)
        choice, volume, lungs, networks = (
            proposal.choice,
            proposal.volume,
            proposal.lungs,
            proposal.networks,
        )
        clock = perf_counter()
        findings, warnings = _measured(volume, lungs, proposal.likely, networks, progress=progress)
        structures = _structures(volume, lungs, networks.lungs)
        tracked, compared, compare_warnings = _compared(
            findings, structures, choice.series, volume, lungs, networks, prior
        )
        categorised = categorise(tracked)
        seconds = {**proposal.seconds, "measure": round(perf_counter() - clock, 3)}
        return ReadResult(
            study_uid=study.study_uid,
            series_uid=choice.series.uid,
            frame_of_reference_uid=choice.series.frame_of_reference_uid or None,
            reader=ReaderIdentity(name=self.name, version=self.version),
            models=tuple(network.use for network in networks.all),
            acquisition=_acquisition(choice, volume),
            grid=_grid(volume),
            timings_s=Timings(**seconds),
            warnings=(*study.warnings, *volume.warnings, *warnings, *compare_warnings),
            category=categorised.study[0] if categorised.study else None,
            categories=categorised.study,
            findings=categorised.findings,
            structures=structures,
            prior=compared,
        )


def _measured(
    volume: Volume, lungs: Lungs, likely: Sequence[Judged], networks: Networks, *, progress: Progress
) -> tuple[list[Finding], list[str]]:
    """Outline, measure and describe what both networks call a nodule; largest first."""
    progress("measure", 0.0)
    heights = LungHeights.of(lungs.labels)
    algorithms = tuple(
        Algorithm(name=network.use.name, version=network.use.version, digest=network.use.digest)
        for network in networks.deciding
    )
    taken = np.zeros(volume.hu.shape, bool)
    found: list[Finding] = []
    warnings: list[str] = []
    ranked = sorted(likely, key=lambda one: -one.probability)
    for done, one in enumerate(ranked, start=1):
        seed = one.candidate
        mask = outline_nodule(
            volume, lungs.labels, center_lps_mm=seed.center_lps_mm, diameter_mm=seed.diameter_mm
        )
        progress("measure", done / len(ranked))
        if mask is None or not mask.voxels.any():
            place = volume.geometry.to_index(seed.center_lps_mm)
            uid = volume.source_nearest(float(place[0])).sop_instance_uid
            warnings.append(
                f"A candidate of {seed.diameter_mm:.0f} mm could not be outlined and is not reported; see image {uid}."
            )
            continue
        if _overlap(taken, mask) > _SAME_SHARE:
            continue
        _mark(taken, mask)
        finding = described(
            volume,
            lungs.labels,
            mask,
            probability=one.probability,
            heights=heights,
            algorithms=algorithms,
        )
        if finding.diameter_mm is not None and finding.diameter_mm.mean >= LEAST_MM:
            found.append(finding)
    progress("measure", 1.0)
    found.sort(key=lambda f: (-(f.diameter_mm.mean if f.diameter_mm else 0.0), f.center_lps_mm))
    numbered = [f.model_copy(update={"id": f"N{n}"}) for n, f in enumerate(found, start=1)]
    return numbered, warnings


def _overlap(taken: npt.NDArray[np.bool_], mask: Mask) -> float:
    box = tuple(slice(o, o + n) for o, n in zip(mask.offset, mask.voxels.shape, strict=True))
    return float((taken[box] & mask.voxels).sum()) / float(mask.voxels.sum())


def _mark(taken: npt.NDArray[np.bool_], mask: Mask) -> None:
    box = tuple(slice(o, o + n) for o, n in zip(mask.offset, mask.voxels.shape, strict=True))
    taken[box] |= mask.voxels


def _structures(volume: Volume, lungs: Lungs, network: Network) -> tuple[Structure, ...]:
    """Describe the lungs as structures of the result."""
    structures: list[Structure] = []
    for label, side in ((RIGHT, "right"), (LEFT, "left")):
        mask = Mask.of_label(lungs.labels, label)
        if not mask.voxels.any():
            continue
        center, size = extent(mask, volume.geometry)
        structures.append(
            Structure(
                name=f"{side} lung",
                site=LUNG,
                laterality="right" if label == RIGHT else "left",
                center_lps_mm=center,
                size_mm=size,
                volume_mm3=round(float(mask.voxels.sum()) * volume.geometry.voxel_mm3, 0),
                algorithm=Algorithm(
                    name=network.use.name, version=network.use.version, digest=network.use.digest
                ),
                mask=mask,
            )
        )
    return tuple(structures)


def _compared(
    findings: list[Finding],
    structures: tuple[Structure, ...],
    series: Series,
    volume: Volume,
    lungs: Lungs,
    networks: Networks,
    prior: ReadResult | None,
) -> tuple[Sequence[Finding], Prior | None, tuple[str, ...]]:
    if prior is None:
        return findings, None, ()
    compared = compare(
        findings,
        structures,
        study_date=_study_date(series),
        prior=prior,
        prior_lungs=_lungs_of(prior),
        lungs=LungMasks.of(structures, volume.geometry),
        study_uid=series.study_uid,
        models=[network.use for network in networks.all],
    )
    return compared.findings, compared.prior, compared.warnings


def _grid(volume: Volume) -> Grid:
    rows = tuple((float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in volume.geometry.affine[:3])
    return Grid(shape=volume.geometry.shape, affine=rows)


def _lungs_of(prior: ReadResult) -> LungMasks | None:
    """Return the prior's lungs where its segmentation came along; boxes alone fit more coarsely."""
    if prior.grid is None or not any(structure.mask is not None for structure in prior.structures):
        return None
    affine = np.vstack([np.array(prior.grid.affine), [0.0, 0.0, 0.0, 1.0]])
    return LungMasks.of(prior.structures, Geometry(shape=prior.grid.shape, affine=affine))


def _acquisition(choice: Choice, volume: Volume) -> Acquisition:
    series = choice.series
    return Acquisition(
        modality=series.modality,
        series_number=series.number,
        description=series.description,
        manufacturer=series.manufacturer,
        model=series.model,
        kernel=series.kernel,
        kvp=number(series.header, "KVP"),
        contrast=series.contrast,
        slices=len(volume.sources),
        slice_thickness_mm=series.slice_thickness_mm,
        spacing_mm=volume.geometry.spacing_mm,
        study_date=_study_date(series),
        chosen_because=choice.reason,
    )


def _study_date(series: Series) -> date | None:
    text = str(series.header.get("StudyDate") or "")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return None
