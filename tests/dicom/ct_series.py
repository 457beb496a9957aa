"""Tiny synthetic CT series for tests of reading; the anatomy is a warm cylinder in air with a cold core."""

import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.sequence import Sequence
from pydicom.uid import UID

from firstread.dicom.discover import study_from
from firstread.dicom.series import Series, Study
from firstread.dicom.source import MemorySource

ROOT = "1.2.826.0.1.3680043.8.498.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
IMPLICIT, EXPLICIT, DEFLATED, BIG = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
JPEG_BASELINE, JPEG_EXTENDED, JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = (
    f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)
)
JPEG_LS, JPEG_LS_NEAR, JPEG_2000, JPEG_2000_LOSSY = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91))
HTJ2K, HTJ2K_RPCL, HTJ2K_LOSSY = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
RLE = "1.2.840.10008.1.2.5"

LOSSLESS = (
    IMPLICIT,
    EXPLICIT,
    DEFLATED,
    BIG,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_2000,
    HTJ2K,
    HTJ2K_RPCL,
    RLE,
)

Values = npt.NDArray[np.int16]


def anatomy(slices: int, size: int, *, seed: int = 0) -> Values:
    """HU (slice, row, column) that change slowly along the patient, with noise."""
    k, j, i = np.mgrid[:slices, :size, :size].astype(float)
    radius = np.hypot(j - size / 2, i - size / 2 + 2 * np.sin(k / 6)) / size
    hu = np.where(radius < 0.42, 40.0, -1000.0)
    hu[radius < 0.25] = -850 + 5 * k[radius < 0.25]
    hu += np.random.default_rng(seed).normal(0, 15, hu.shape)
    return np.rint(hu).clip(-1024, 3071).astype(np.int16)


def ct_series(
    hu: Values | None = None,
    *,
    spacing_mm: tuple[float, float, float] = (2.5, 0.8, 0.7),
    origin_mm: tuple[float, float, float] = (-10.0, -12.0, 30.0),
    step_mm: tuple[float, float, float] | None = None,
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    signed: bool = False,
    series: int = 1,
    study: int = 1,
    frame_of_reference: int = 1,
    first: int = 1,
) -> list[Dataset]:
    """Build one data set a slice, explicit little endian, stored value = HU + 1024 in 16 bits.

    `step_mm` is the patient vector from slice to slice; None steps along z by the slice spacing. `first`
    numbers the instances.
    """
    hu = anatomy(10, 32) if hu is None else hu
    step = np.array(step_mm if step_mm is not None else (0, 0, spacing_mm[0]))
    made = []
    for n, plane in enumerate(hu):
        ds = Dataset()
        ds.SOPClassUID = CT_IMAGE
        ds.SOPInstanceUID = f"{ROOT}.{study}.{series}.{n + first}"
        ds.StudyInstanceUID = f"{ROOT}.{study}"
        ds.SeriesInstanceUID = f"{ROOT}.{study}.{series}"
        ds.FrameOfReferenceUID = f"{ROOT}.{study}.9.{frame_of_reference}"
        ds.Modality = "CT"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.PatientName, ds.PatientID, ds.StudyDate = "Test^Synthetic", "SYN-1", "20250102"
        ds.SeriesNumber, ds.InstanceNumber = series, n + first
        ds.ImagePositionPatient = [float(f"{v:.6f}") for v in np.array(origin_mm) + n * step]
        ds.ImageOrientationPatient = list(orientation)
        ds.PixelSpacing = list(spacing_mm[1:])
        ds.SliceThickness = spacing_mm[0]
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelRepresentation = int(signed)
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        put_values(ds, plane.astype(np.int32) + 1024)
        made.append(ds)
    return made


def put_values(ds: Dataset, stored: npt.NDArray[np.int32]) -> None:
    """Replace the stored values by these."""
    ds.Rows, ds.Columns = stored.shape
    ds.PixelData = stored.astype("<i2" if ds.PixelRepresentation else "<u2").tobytes()


def stored_values(ds: Dataset) -> npt.NDArray[np.generic]:
    """Return the stored values of a data set that `ct_series` made (frame, row, column)."""
    kind = "<i2" if ds.PixelRepresentation else "<u2"
    return np.frombuffer(ds.PixelData, kind).reshape(-1, ds.Rows, ds.Columns)


def enhanced(datasets: list[Dataset]) -> Dataset:
    """Put the slices of a series into one Enhanced CT object, orientation and pixel size shared."""
    ds = Dataset()
    ds.update({element.tag: element for element in datasets[0]})
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "RescaleSlope",
        "RescaleIntercept",
        "ImageType",
    ):
        delattr(ds, keyword)
    ds.SOPClassUID = ENHANCED_CT
    ds.SOPInstanceUID = f"{datasets[0].SeriesInstanceUID}.9999"
    ds.NumberOfFrames = len(datasets)
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = datasets[0].ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = datasets[0].PixelSpacing, datasets[0].SliceThickness
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for single in datasets:
        group, position, transform, kind = Dataset(), Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = single.ImagePositionPatient
        transform.RescaleSlope, transform.RescaleIntercept = single.RescaleSlope, single.RescaleIntercept
        transform.RescaleType = "HU"
        kind.FrameType = ["ORIGINAL", "PRIMARY", "AXIAL", "NONE"]
        group.PlanePositionSequence = Sequence([position])
        group.PixelValueTransformationSequence = Sequence([transform])
        group.CTImageFrameTypeSequence = Sequence([kind])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    ds.PixelData = b"".join(single.PixelData for single in datasets)
    return ds


def encode(ds: Dataset, syntax: str = EXPLICIT) -> bytes:
    """Return the object as a DICOM file in the given transfer syntax."""
    out = Dataset()
    out.update({element.tag: element for element in ds})
    out.file_meta = FileMetaDataset()
    out.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    out.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    out.file_meta.TransferSyntaxUID = UID(syntax)
    if syntax == BIG:
        out.PixelData = stored_values(ds).astype(">u2" if not ds.PixelRepresentation else ">i2").tobytes()
    elif syntax not in (IMPLICIT, EXPLICIT, DEFLATED):
        out.PixelData = encapsulate([_compress(plane, ds, syntax) for plane in stored_values(ds)])
        out["PixelData"].is_undefined_length = True
        out["PixelData"].VR = "OB"
    if "PixelData" in out and out["PixelData"].VR not in ("OB", "OW"):
        out["PixelData"].VR = "OW"
    stream = BytesIO()
    out.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _compress(plane: npt.NDArray[np.generic], ds: Dataset, syntax: str) -> bytes:
    # JPEG and JPEG-LS know no sign: the bits are what is kept (PS3.5 section 8.2).
    bits = plane.view("<u2")
    if syntax in (JPEG_LS, JPEG_LS_NEAR):
        return bytes(imagecodecs.jpegls_encode(bits, level=0 if syntax == JPEG_LS else 2))
    if syntax in (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1):
        return bytes(imagecodecs.jpeg8_encode(bits, lossless=True, bitspersample=16))
    if syntax == JPEG_EXTENDED:
        return bytes(imagecodecs.jpeg8_encode(bits, level=98, bitspersample=12))
    if syntax == JPEG_BASELINE:
        return bytes(imagecodecs.jpeg8_encode(bits.astype(np.uint8), level=98))
    if syntax in (JPEG_2000, JPEG_2000_LOSSY):
        kept = {"level": 0, "reversible": True} if syntax == JPEG_2000 else {"level": 70, "reversible": False}
        return bytes(imagecodecs.jpeg2k_encode(plane, codecformat="j2k", **kept))
    if syntax in (HTJ2K, HTJ2K_RPCL, HTJ2K_LOSSY):
        return bytes(imagecodecs.htj2k_encode(bits))
    return RLELosslessEncoder.encode(
        bits.tobytes(),
        rows=ds.Rows,
        columns=ds.Columns,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=16,
        pixel_representation=ds.PixelRepresentation,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
    )


def in_memory(files: Iterable[bytes | Dataset]) -> Study:
    """Open a study from objects that are never written to disk."""
    encoded = [item if isinstance(item, bytes) else encode(item) for item in files]
    return study_from([MemorySource(item) for item in encoded])


def only_series(files: Iterable[bytes | Dataset]) -> Series:
    """Open the one series that the objects make up."""
    (series,) = in_memory(files).series
    return series


def write(folder: Path, files: Iterable[bytes | Dataset], *, pattern: str = "{:04d}.dcm") -> Path:
    """Write objects into a folder, named by their order."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, item in enumerate(files):
        path = folder / pattern.format(n)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(item if isinstance(item, bytes) else encode(item))
    return folder


def write_zip(path: Path, files: Iterable[bytes | Dataset], *, pattern: str = "study/{:04d}") -> Path:
    """Write objects into a zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, item in enumerate(files):
            archive.writestr(pattern.format(n), item if isinstance(item, bytes) else encode(item))
    return path
