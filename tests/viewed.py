"""Studies to look at: CT series of any grid, a read of theirs whose outlines are the truth, in a served archive."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from sqlalchemy import insert, select

from firstread.archive import Archive, Part10
from firstread.archive.database import writing
from firstread.archive.models import Job, Result, Study
from firstread.archive.results import result_folder_name
from firstread.dicom.discover import study_from
from firstread.dicom.geometry import Geometry
from firstread.dicom.source import MemorySource
from firstread.dicom.uids import derive_uid
from firstread.dicom.volume import Volume
from firstread.findings import (
    Acquisition,
    Category,
    Comparison,
    Finding,
    Grid,
    Mask,
    Prior,
    ReaderIdentity,
    ReadResult,
    concepts,
)
from firstread.findings.finding import Algorithm
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.workflow.beside import beside
from firstread.workflow.deliveries import keep_result
from firstread.workflow.documents import write_documents
from firstread.workflow.result_folder import RESULT_JSON, new_result_folder, write_result_json
from tests.dicom.ct_series import ROOT, encode

BY_TRUTH = Algorithm(name="truth", version="1", digest="0" * 64)


@dataclass(frozen=True)
class Viewed:
    """A study in an archive: its UIDs, the grid of its series, and what the read says."""

    study_uid: str
    series_uid: str
    geometry: Geometry
    result: ReadResult | None


def ct(
    hu: np.ndarray,
    geometry: Geometry,
    *,
    study: int = 1,
    series: int = 1,
    day: str = "20250102",
    patient: str = "SYN-1",
) -> list[Dataset]:
    """One data set a slice of a grid, whichever way it lies in the patient."""
    row = geometry.affine[:3, 1]
    column = geometry.affine[:3, 2]
    orientation = [*(column / np.linalg.norm(column)), *(row / np.linalg.norm(row))]
    made = []
    for k, plane in enumerate(hu):
        ds = Dataset()
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}"
        ds.SOPInstanceUID, ds.FrameOfReferenceUID = f"{ROOT}.{study}.{series}.{k + 1}", f"{ROOT}.{study}.9"
        ds.Modality, ds.SeriesNumber, ds.InstanceNumber = "CT", series, k + 1
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = (
            "Test^Synthetic",
            patient,
            "19600101",
            "F",
        )
        ds.StudyDate = ds.SeriesDate = day
        ds.StudyTime, ds.AccessionNumber, ds.StudyID, ds.ReferringPhysicianName = "101112", "A1", "1", ""
        ds.StudyDescription, ds.SeriesDescription, ds.BodyPartExamined = "Chest", "Synthetic", "CHEST"
        ds.Manufacturer, ds.PatientPosition, ds.PositionReferenceIndicator = "firstread phantom", "HFS", ""
        ds.ImagePositionPatient = [f"{value:.6f}" for value in geometry.to_lps((k, 0, 0))]
        ds.ImageOrientationPatient = [f"{value:.8f}" for value in orientation]
        slice_mm, row_mm, column_mm = geometry.spacing_mm
        ds.PixelSpacing, ds.SliceThickness = [f"{row_mm:.6f}", f"{column_mm:.6f}"], f"{slice_mm:.6f}"
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "1", "-1024", "HU"
        ds.PixelData = (plane.astype(np.int32) + 1024).astype("<i2").tobytes()
        made.append(ds)
    return made


def store(archive: Archive, files: Sequence[bytes]) -> None:
    for file in files:
        archive.receive(Part10.parse(file))


def viewed(
    archive: Archive,
    files: Sequence[bytes],
    masks: Sequence[np.ndarray] = (),
    *,
    prior: "Viewed | None" = None,
    read: bool = True,
) -> Viewed:
    """Store a series, and as its read's result the masks (slice, row, column) of the volume as it is loaded."""
    store(archive, files)
    study = study_from([MemorySource(file) for file in files])
    volume = study.volume(study.series[0])
    found = result_of(volume, study.study_uid, study.series[0].uid, masks, prior) if read else None
    if found is not None:
        keep(archive, volume, found)
    return Viewed(study.study_uid, study.series[0].uid, volume.geometry, found)


def keep(archive: Archive, volume: Volume, result: ReadResult) -> None:
    """Keep a result as a job that is done would."""
    with writing(archive.engine) as connection:
        study = connection.execute(select(Study.id).where(Study.study_uid == result.study_uid)).scalar_one()
        job = connection.execute(
            insert(Job).values(study_key=study, reader="lung_nodule", state="done").returning(Job.id)
        ).scalar_one()
    name = result_folder_name(result.study_uid, job)
    (archive.folder / name).parent.mkdir(parents=True, exist_ok=True)
    with beside() as other, new_result_folder(archive.folder / name) as folder:
        write_documents(folder, result, volume, other)
        write_result_json(folder, result)
    digest = hashlib.sha256((archive.folder / name / RESULT_JSON).read_bytes()).hexdigest()
    keep_result(archive, archive.folder / name)
    with writing(archive.engine) as connection:
        connection.execute(insert(Result).values(job_key=job, folder=name, digest=digest, category="4A"))


def result_of(
    volume: Volume, study_uid: str, series_uid: str, masks: Sequence[np.ndarray], prior: "Viewed | None"
) -> ReadResult:
    """What a reader that knows the truth would say."""
    category = Category(
        scheme="Lung-RADS",
        version="2022",
        value="4A",
        rule="solid, 8 mm to less than 15 mm, baseline",
        management="3-month LDCT; PET/CT may be considered if there is a solid nodule of 8 mm or more",
    )
    findings = []
    for n, voxels in enumerate(masks, start=1):
        mask = Mask.crop(voxels)
        measured = measure_mask(volume, mask)
        before = (
            prior.result.findings[n - 1]
            if prior and prior.result and len(prior.result.findings) >= n
            else None
        )
        source = volume.source_nearest(measured.slice_index)
        findings.append(
            Finding(
                id=f"N{n}",
                concept=concepts.NODULE,
                probability=0.97 - 0.1 * n,
                site=concepts.LUNG,
                laterality="right" if measured.center_lps_mm[0] < 0 else "left",
                zone="middle",
                center_lps_mm=measured.center_lps_mm,
                size_mm=measured.size_mm,
                diameter_mm=measured.diameter_mm,
                axes_lps_mm=measured.axes_lps_mm,
                volume_mm3=round(measured.volume_mm3, 1),
                attenuation="solid",
                category=category,
                categories=(category,),
                comparison=_compared(before, measured.diameter_mm.mean, prior) if before and prior else None,
                sop_instance_uid=source.sop_instance_uid,
                tracking_uid=before.tracking_uid if before else derive_uid("viewed", series_uid, str(n)),
                algorithms=(BY_TRUTH,),
                mask=mask,
            )
        )
    geometry = volume.geometry
    return ReadResult(
        study_uid=study_uid,
        series_uid=series_uid,
        frame_of_reference_uid=str(volume.header.FrameOfReferenceUID),
        reader=ReaderIdentity(name="lung_nodule", version="1.0.0"),
        acquisition=Acquisition(modality="CT", slices=geometry.shape[0], spacing_mm=geometry.spacing_mm),
        grid=Grid(shape=geometry.shape, affine=tuple(tuple(map(float, row)) for row in geometry.affine[:3])),
        category=category if findings else None,
        categories=(category,) if findings else (),
        impression=f"{len(findings)} nodules.",
        findings=tuple(findings),
        prior=Prior(study_uid=prior.study_uid, study_date=date(2024, 1, 2)) if prior else None,
    )


def _compared(before: Finding, mean_mm: float, prior: Viewed) -> Comparison:
    assert before.diameter_mm is not None
    return Comparison(
        change="growing",
        prior_study_uid=prior.study_uid,
        prior_tracking_uid=before.tracking_uid,
        prior_date=date(2024, 1, 2),
        prior_mean_mm=before.diameter_mm.mean,
        interval_days=366,
        growth_mm=round(mean_mm - before.diameter_mm.mean, 1),
    )


def phantom_files(folder: Path) -> list[bytes]:
    """The instances that `firstread.phantom.series.write_series` wrote."""
    return [path.read_bytes() for path in sorted(folder.glob("ct-*.dcm"))]


def encoded(datasets: Sequence[Dataset], syntax: str = "1.2.840.10008.1.2.1") -> list[bytes]:
    return [encode(ds, syntax) for ds in datasets]
