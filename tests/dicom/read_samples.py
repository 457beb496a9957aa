"""A small chest as a volume and a read of it: two ellipsoid lungs, three nodules, honest CT headers."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage
from pydicom.valuerep import format_number_as_ds

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import SourceSlice, Volume
from firstread.findings import (
    Acquisition,
    Algorithm,
    Axes,
    Category,
    Comparison,
    Diameters,
    Finding,
    Mask,
    Measurement,
    ModelUse,
    Prior,
    ReaderIdentity,
    ReadResult,
    Structure,
)
from firstread.findings.concepts import LUNG, MASS, MEAN_ATTENUATION, NODULE

SHAPE = (40, 63, 61)
"""Odd on purpose: a frame of the segmentation then does not end on a byte."""
STEPS = {"slice": (0.0, 0.0, 4.0), "row": (0.0, 3.0, 0.0), "column": (3.0, 0.0, 0.0)}
TILTED = {"slice": (0.0, 1.3, 4.0), "row": (0.0, 3.0, 0.0), "column": (3.0, 0.0, 0.0)}
"""Gantry tilt: the table moves at an angle to the slices."""
REVERSED = {"slice": (0.0, 0.0, 4.0), "row": (0.0, -3.0, 0.0), "column": (-3.0, 0.0, 0.0)}
"""The patient lies prone: rows and columns run the other way."""
ORIGIN = (-90.0, -96.0, -150.0)
CREATED = datetime(2024, 5, 18, 9, 30, 15)

ROOT = "1.2.826.0.1.3680043.8.498"
STUDY, SERIES, FRAME = f"{ROOT}.7.1", f"{ROOT}.7.2", f"{ROOT}.7.3"
SEGMENTER = Algorithm(name="lung_segmenter", version="1.0.0", digest="a" * 64)
DETECTOR = Algorithm(name="lung_nodule_detector", version="1.2.0", digest="b" * 64)
NODULES = ((24.0, 30.0, 17.0, 2.6), (12.0, 26.0, 44.0, 3.4), (20.0, 40.0, 12.0, 2.0))
"""Slice, row, column and radius in voxels."""


def geometry_of(steps: dict[str, tuple[float, float, float]] = STEPS) -> Geometry:
    return Geometry.from_axes(
        shape=SHAPE,
        origin_lps_mm=ORIGIN,
        slice_step_mm=steps["slice"],
        row_step_mm=steps["row"],
        column_step_mm=steps["column"],
    )


def volume_of(
    steps: dict[str, tuple[float, float, float]] = STEPS, *, missing: tuple[int, ...] = ()
) -> Volume:
    """The series as single-frame images; slices named in `missing` were not stored but interpolated."""
    geometry = geometry_of(steps)
    stored = [index for index in range(SHAPE[0]) if index not in missing]
    return Volume(
        hu=_hu(),
        geometry=geometry,
        sources=tuple(SourceSlice(f"{SERIES}.{index + 1}", None, float(index)) for index in stored),
        headers=tuple(_header(geometry, index) for index in stored),
    )


def enhanced_volume() -> Volume:
    """The series as one Enhanced CT instance, frames stored from head to feet."""
    volume = volume_of()
    header = _identity(EnhancedCTImageStorage, f"{SERIES}.1")
    header.NumberOfFrames = SHAPE[0]
    header.Rows, header.Columns = SHAPE[1:]
    shared, plane, measures = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = volume.header.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = volume.header.PixelSpacing, 4
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    header.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for single in reversed(volume.headers):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = single.ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    header.PerFrameFunctionalGroupsSequence = groups
    sources = tuple(SourceSlice(f"{SERIES}.1", SHAPE[0] - k, float(k)) for k in range(SHAPE[0]))
    return replace(volume, sources=sources, headers=(header,) * SHAPE[0])


def real_volume(folder: Path) -> Volume:
    """A real series' headers and geometry, its pixels made up; slices without an image are not stored."""
    headers = [dcmread(path, stop_before_pixels=True) for path in sorted(folder.glob("*.dcm"))]
    headers = sorted((h for h in headers if h.Modality == "CT"), key=lambda h: h.ImagePositionPatient[2])
    first, last = (np.array(h.ImagePositionPatient, float) for h in (headers[0], headers[-1]))
    row_mm, column_mm = map(float, headers[0].PixelSpacing)
    shape = (len(headers), int(headers[0].Rows), int(headers[0].Columns))
    geometry = Geometry.from_axes(
        shape=shape,
        origin_lps_mm=first,
        slice_step_mm=(last - first) / (len(headers) - 1),
        row_step_mm=(0, row_mm, 0),
        column_step_mm=(column_mm, 0, 0),
    )
    hu = np.full(shape, -1000, np.int16)
    hu[tuple(slice(0, n) for n in SHAPE)] = _hu()
    sources = tuple(SourceSlice(str(h.SOPInstanceUID), None, float(k)) for k, h in enumerate(headers))
    return Volume(hu=hu, geometry=geometry, sources=sources, headers=tuple(headers))


def result_of(volume: Volume) -> ReadResult:
    """A read with both lungs and a solid, a part-solid and a ground-glass nodule."""
    study = _category("Lung-RADS", "2022", "4B", "part-solid, solid part 8 mm or more")
    return ReadResult(
        study_uid=str(volume.header.StudyInstanceUID),
        series_uid=str(volume.header.SeriesInstanceUID),
        frame_of_reference_uid=str(volume.header.FrameOfReferenceUID),
        reader=ReaderIdentity(name="lung_nodule", version="1.0.0"),
        models=tuple(
            ModelUse(name=one.name, version=one.version, digest=str(one.digest), precision="f32")
            for one in (SEGMENTER, DETECTOR)
        ),
        acquisition=Acquisition(
            modality="CT",
            slices=len(volume.sources),
            spacing_mm=volume.geometry.spacing_mm,
            study_date=date(2024, 5, 17),
        ),
        warnings=("One slice was interpolated.",),
        category=study,
        categories=(study,),
        impression="Three nodules; the largest is part-solid.",
        findings=tuple(_finding(number, volume) for number in range(len(NODULES))),
        structures=tuple(_lung(side, volume) for side in ("right", "left")),
        prior=Prior(study_uid=f"{ROOT}.6.1"),
    )


def center_of_mass(voxels: np.ndarray) -> np.ndarray:
    """Mean index (slice, row, column) of a mask's voxels."""
    return np.argwhere(voxels).mean(axis=0)


def _finding(number: int, volume: Volume) -> Finding:
    *center, radius = NODULES[number]
    voxels = _ball(tuple(center), (radius, radius, radius))
    geometry = volume.geometry
    long = round(6 * radius, 1)
    lps = geometry.to_lps(center_of_mass(voxels))
    k, j, i = (round(c) for c in center)
    ends = [geometry.to_lps((k, j, i + side * radius)) for side in (-1, 1)]
    across = [geometry.to_lps((k, j + side * radius, i)) for side in (-1, 1)]
    largest = volume.source_nearest(k)
    part_solid = number == 1
    category = _category("Lung-RADS", "2022", "4B" if part_solid else "4A", "its row of the table")
    return Finding(
        id=f"N{number + 1}",
        concept=MASS if part_solid else NODULE,
        probability=0.9 - number / 10,
        site=LUNG,
        laterality="left" if part_solid else "right",
        zone="middle",
        juxtapleural=number == 2,
        center_lps_mm=tuple(lps.tolist()),
        size_mm=tuple(np.abs(geometry.affine[:3, :3]).sum(axis=1) * 2 * radius),
        diameter_mm=Diameters(long=long, short=round(long - 1.5, 1), mean=round(long - 0.8, 1)),
        axes_lps_mm=Axes(long=tuple(map(tuple, ends)), short=tuple(map(tuple, across))),
        volume_mm3=float(voxels.sum() * geometry.voxel_mm3),
        attenuation=("solid", "part-solid", "ground-glass")[number],
        solid_part_mm=Diameters(long=9.0, short=8.0, mean=8.5) if part_solid else None,
        measurements=(Measurement(concept=MEAN_ATTENUATION, value=-41.5, unit="[hnsf'U]"),),
        category=category,
        categories=(category, _category("Fleischner", "2017", "single solid > 8 mm", "over 8 mm")),
        comparison=Comparison(
            change="growing",
            prior_study_uid=f"{ROOT}.6.1",
            prior_tracking_uid=f"{ROOT}.6.9",
            interval_days=365,
            growth_mm=2.5,
            volume_doubling_days=210.0,
        )
        if part_solid
        else None,
        sop_instance_uid=largest.sop_instance_uid,
        frame_number=largest.frame_number,
        tracking_uid=f"{ROOT}.8.{number + 1}",
        algorithms=(DETECTOR,),
        mask=Mask.crop(voxels),
    )


def _lung(side: str, volume: Volume) -> Structure:
    voxels = _ball((20, 32, 16 if side == "right" else 44), (17, 22, 12))
    return Structure(
        name=f"{side} lung",
        site=LUNG,
        laterality=side,
        volume_mm3=float(voxels.sum() * volume.geometry.voxel_mm3),
        algorithm=SEGMENTER,
        mask=Mask.crop(voxels),
    )


def _category(scheme: str, version: str, value: str, rule: str) -> Category:
    return Category(scheme=scheme, version=version, value=value, rule=rule, management="CT in 3 months.")


def _ball(center: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    axes = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return sum(((a - c) / r) ** 2 for a, c, r in zip(axes, center, radii, strict=True)) <= 1


def _hu() -> np.ndarray:
    hu = np.full(SHAPE, -1000, np.int16)
    hu[_ball((20, 32, 30), (60, 28, 28))] = 40
    for column in (16, 44):
        hu[_ball((20, 32, column), (17, 22, 12))] = -860
    for *center, radius in NODULES:
        hu[_ball(tuple(center), (radius,) * 3)] = 30
    return hu


def _identity(sop_class: str, uid: str) -> Dataset:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.SOPClassUID, header.SOPInstanceUID = sop_class, uid
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = STUDY, SERIES, FRAME
    header.StudyDate, header.StudyTime, header.StudyID = "20240517", "101500", "S1"
    header.AccessionNumber, header.ReferringPhysicianName = "A-17", "Referrer^Ruth"
    header.PatientName, header.PatientID = "Sample^Søren", "P-0815"
    header.PatientBirthDate, header.PatientSex, header.PatientAge = "19600102", "M", "064Y"
    header.Modality, header.Manufacturer, header.ManufacturerModelName = "CT", "Scanner Works", "Helix 16"
    header.BodyPartExamined, header.PositionReferenceIndicator = "CHEST", None
    return header


def _header(geometry: Geometry, index: int) -> Dataset:
    header = _identity(CTImageStorage, f"{SERIES}.{index + 1}")
    header.Rows, header.Columns = SHAPE[1:]
    _, row_mm, column_mm = geometry.spacing_mm
    header.PixelSpacing = [row_mm, column_mm]
    header.SliceThickness = 4
    header.ImagePositionPatient = [format_number_as_ds(float(x)) for x in geometry.to_lps((index, 0, 0))]
    along_row, along_column = geometry.affine[:3, 2] / column_mm, geometry.affine[:3, 1] / row_mm
    header.ImageOrientationPatient = [format_number_as_ds(float(x)) for x in (*along_row, *along_column)]
    return header
