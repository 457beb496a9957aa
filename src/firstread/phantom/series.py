"""A phantom as a DICOM series: CT Image Storage instances (PS3.3 A.3) and `truth.json`."""

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from firstread.errors import UsageError
from firstread.phantom.make import Phantom
from firstread.phantom.vendors import VENDORS, VendorLike

PATIENT_NAME = "PHANTOM^FIRSTREAD"
MANUFACTURER = "firstread phantom"
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
STUDY_DATE = date(2026, 1, 15)


def write_series(
    phantom: Phantom,
    folder: Path,
    *,
    vendor_like: VendorLike = "plain",
    study_date: date = STUDY_DATE,
    transfer_syntax: str = ExplicitVRLittleEndian,
    scout: bool = False,
) -> list[Path]:
    """Write one instance a slice and `truth.json` into a folder, made if it is absent.

    All UIDs are derived from the phantom and these arguments, so writing it again gives equal files.
    The patient depends on the seed alone: phantoms of one seed are studies of one patient.

    Args:
        phantom: What to write.
        folder: Where to; files of the same names are replaced.
        vendor_like: Whose habits of kernel names, stored values, padding and instance order to follow.
        study_date: Date of the study.
        transfer_syntax: Explicit or implicit VR little endian.
        scout: Whether a frontal scout image is written too, as a series of its own.

    Returns:
        The instances written, lowest slice first, then the scout.

    Raises:
        UsageError: the transfer syntax is not one of the two, or the folder cannot be written.
    """
    if transfer_syntax not in SYNTAXES:
        raise UsageError(
            f"Transfer syntax {transfer_syntax} cannot be written.",
            remedy="Write explicit or implicit VR little endian, and re-encode with dcmcjpls or gdcmconv.",
        )
    uids = _Uids(phantom, vendor_like, study_date)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [
            _save(
                _slice(phantom, index, uids, vendor_like, study_date),
                folder / f"ct-{index + 1:04d}.dcm",
                transfer_syntax,
            )
            for index in range(phantom.geometry.shape[0])
        ]
        if scout:
            written.append(_save(_scout(phantom, uids, study_date), folder / "scout.dcm", transfer_syntax))
        (folder / "truth.json").write_text(phantom.truth.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The phantom cannot be written to {folder}: {error.strerror}.",
            remedy="Choose a folder that can be written.",
        ) from error
    return written


def prepare_folder(folder: Path, *, replace: bool) -> None:
    """See to it that a phantom can be written to a folder without mixing with what is there.

    Raises:
        UsageError: the folder holds something and `replace` is False, or something that is no phantom's.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file.", remedy="Name a folder.")
    held = sorted(folder.iterdir())
    own = [path for path in held if path.name in ("scout.dcm", "truth.json") or path.match("ct-*.dcm")]
    if held != own:
        raise UsageError(f"{folder} holds other files.", remedy="Name a new folder, or an empty one.")
    if held and not replace:
        raise UsageError(f"{folder} holds a phantom already.", remedy="Name a new folder, or use --force.")
    for path in own:
        path.unlink()


class _Uids:
    """UIDs under pydicom's root, each from a digest of what it names."""

    def __init__(self, phantom: Phantom, vendor_like: str, study_date: date) -> None:
        digest = hashlib.sha256(phantom.hu.tobytes()).hexdigest()
        self._sources = [digest, phantom.truth.model_dump_json(), vendor_like, study_date.isoformat()]
        # Reconstructions that differ only in vendor habits share no study: each is a case of its own.
        self.study = self.of("study")
        self.series = self.of("series")
        self.frame_of_reference = self.of("frame of reference")

    def of(self, what: str) -> str:
        return str(generate_uid(entropy_srcs=[*self._sources, what]))


def _common(phantom: Phantom, uids: _Uids, study_date: date) -> Dataset:
    truth, day = phantom.truth, study_date.strftime("%Y%m%d")
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = CTImageStorage
    for keyword in ("InstanceCreation", "Study", "Series", "Acquisition", "Content"):
        setattr(ds, f"{keyword}Date", day)
        setattr(ds, f"{keyword}Time", "090000")
    ds.AccessionNumber = f"PH{truth.seed:08d}"[:16]
    ds.Modality = "CT"
    ds.Manufacturer = MANUFACTURER
    ds.InstitutionName = "No hospital (synthetic)"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "Synthetic low-dose chest CT"
    ds.ManufacturerModelName = f"phantom {truth.version}"
    ds.PatientName = PATIENT_NAME
    ds.PatientID = f"PHANTOM-{truth.seed}"
    ds.PatientBirthDate = f"{STUDY_DATE.year - truth.age_years}0101"
    ds.PatientSex = truth.sex
    ds.PatientAge = f"{study_date.year - (STUDY_DATE.year - truth.age_years):03d}Y"
    ds.PatientComments = "Synthetic image. No real person."
    ds.BodyPartExamined = "CHEST"
    if truth.contrast:
        ds.ContrastBolusAgent = "Simulated contrast"
    ds.KVP = "120"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = truth.version
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = uids.study
    ds.StudyID = "1"
    ds.FrameOfReferenceUID = uids.frame_of_reference
    ds.PositionReferenceIndicator = ""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 16
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.AcquisitionNumber = "1"
    return ds


def _slice(phantom: Phantom, index: int, uids: _Uids, vendor_like: VendorLike, study_date: date) -> Dataset:
    habits, truth, geometry = VENDORS[vendor_like], phantom.truth, phantom.geometry
    count, rows, columns = geometry.shape
    ds = _common(phantom, uids, study_date)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPInstanceUID = uids.of(f"slice {index}")
    ds.SeriesInstanceUID = uids.series
    ds.SeriesNumber = "2"
    ds.SeriesDescription = habits.description
    ds.InstanceNumber = str(count - index if habits.head_first else index + 1)
    ds.ScanOptions = "HELICAL MODE"
    ds.SliceThickness = f"{truth.thickness_mm:g}"
    ds.GantryDetectorTilt = "0"
    ds.ConvolutionKernel = habits.kernels[truth.kernel]  # type: ignore[index]
    ds.ReconstructionDiameter = f"{columns * truth.spacing_mm[2]:g}"
    ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = "500", "80", "40"
    ds.FilterType = "BODY FILTER"
    position = geometry.to_lps((index, 0, 0))
    ds.ImagePositionPatient = [f"{value:.3f}" for value in position]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceLocation = f"{position[2]:.3f}"
    ds.PixelSpacing = [f"{truth.spacing_mm[1]:.6g}", f"{truth.spacing_mm[2]:.6g}"]
    ds.Rows, ds.Columns = rows, columns
    ds.BitsStored, ds.HighBit = habits.bits_stored, habits.bits_stored - 1
    ds.PixelRepresentation = int(habits.signed)
    ds.RescaleIntercept = str(habits.intercept)
    ds.WindowCenter, ds.WindowWidth = ["-600", "40"], ["1500", "400"]
    ds.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]
    stored = phantom.hu[index].astype(np.int32) - habits.intercept
    low, high = (-32768, 32767) if habits.signed else (0, 2**habits.bits_stored - 1)
    stored = np.clip(stored, low, high)
    if habits.padding is not None:
        stored[_outside_field(rows, columns)] = habits.padding
        ds.PixelPaddingValue = habits.padding
    ds.PixelData = stored.astype("<i2" if habits.signed else "<u2").tobytes()
    return ds


def _scout(phantom: Phantom, uids: _Uids, study_date: date) -> Dataset:
    """Project the volume from front to back; the source is far away, so the rays are parallel."""
    geometry, (dz, _, dx) = phantom.geometry, phantom.truth.spacing_mm
    density = np.clip(phantom.hu.astype(np.float32) / 1000 + 1, 0, None).sum(axis=1)[::-1]
    image = np.clip(density / max(float(density.max()), 1e-6) * 2000 - 1000, -1024, 3071).astype(np.int16)
    ds = _common(phantom, uids, study_date)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    ds.SOPInstanceUID = uids.of("scout")
    ds.SeriesInstanceUID = uids.of("scout series")
    ds.SeriesNumber = "1"
    ds.SeriesDescription = "Scout"
    ds.InstanceNumber = "1"
    ds.SliceThickness = ""
    top = geometry.to_lps((geometry.shape[0] - 1, geometry.shape[1] // 2, 0))
    ds.ImagePositionPatient = [f"{value:.3f}" for value in top]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
    ds.PixelSpacing = [f"{dz:.6g}", f"{dx:.6g}"]
    ds.Rows, ds.Columns = image.shape
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 15, 1
    ds.RescaleIntercept = "0"
    del ds.RescaleType  # the values of a projection are not Hounsfield units
    ds.WindowCenter, ds.WindowWidth = "0", "2000"
    ds.PixelData = image.astype("<i2").tobytes()
    return ds


def _outside_field(rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """Return where the round field of view ends (row, column)."""
    y, x = np.ogrid[:rows, :columns]
    outside: npt.NDArray[np.bool_] = np.hypot((y + 0.5) * 2 / rows - 1, (x + 0.5) * 2 / columns - 1) > 1
    return outside


def _save(ds: Dataset, path: Path, transfer_syntax: str) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationVersionName = "FIRSTREAD"
    FileDataset(str(path), ds, file_meta=meta, preamble=b"\0" * 128).save_as(path, enforce_file_format=True)
    return path
