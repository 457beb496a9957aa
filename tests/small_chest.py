"""A chest of ellipses as a CT series: small enough to be read in a blink, plain enough to know the answer."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SLICES, SIDE = 80, 128
SPACING_MM = (2.0, 2.6, 2.6)  # slice, row, column
ORIGIN_LPS_MM = (-165.0, -165.0, -300.0)
BALL_INDEX = (40, 60, 40)  # slice, row, column; in the right lung
BALL_MM = 14.0
PATIENT = "Doe^Jane"


def hounsfield() -> np.ndarray:
    """Body, two lungs, spine and one ball; int16 (slice, row, column), feet to head."""
    z, y, x = np.meshgrid(np.arange(SLICES), np.arange(SIDE), np.arange(SIDE), indexing="ij", sparse=True)
    hu = np.full((SLICES, SIDE, SIDE), -1000, np.int16)
    hu[np.broadcast_to(((y - 64) / 42) ** 2 + ((x - 64) / 58) ** 2 < 1, hu.shape)] = 40
    for column in (38, 90):
        hu[((y - 60) / 28) ** 2 + ((x - column) / 18) ** 2 + ((z - 40) / 34) ** 2 < 1] = -860
    hu[np.broadcast_to(((y - 92) / 8) ** 2 + ((x - 64) / 8) ** 2 < 1, hu.shape)] = 400
    k, j, i = BALL_INDEX
    dz, dy, dx = SPACING_MM
    hu[((z - k) * dz) ** 2 + ((y - j) * dy) ** 2 + ((x - i) * dx) ** 2 < (BALL_MM / 2) ** 2] = 50
    return hu + np.random.default_rng(0).normal(0, 15, hu.shape).astype(np.int16)


def write_small_chest(folder: Path) -> Path:
    """Write the series as single-frame CT images; the same UIDs each time."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, pixels in enumerate(hounsfield()):
        _instance(index, pixels).save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)
    return folder


def uid(*parts: object) -> str:
    """A UID that depends only on its arguments."""
    return generate_uid(entropy_srcs=["small chest", *map(str, parts)])


def _instance(index: int, pixels: np.ndarray) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = uid("instance", index)
    image.StudyInstanceUID, image.SeriesInstanceUID = uid("study"), uid("series")
    image.FrameOfReferenceUID = uid("frame of reference")
    image.PatientName, image.PatientID = PATIENT, "12345"
    image.PatientBirthDate, image.PatientSex = "19600101", "F"
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20240517"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "101112"
    image.AccessionNumber, image.StudyID, image.ReferringPhysicianName = "A1", "1", ""
    image.Modality, image.BodyPartExamined, image.SeriesDescription = "CT", "CHEST", "Chest 2.0"
    image.Manufacturer, image.ManufacturerModelName, image.ConvolutionKernel = "Ellipses", "Small", "STANDARD"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.PatientPosition, image.PositionReferenceIndicator = "HFS", ""
    image.KVP, image.SliceThickness = 120, SPACING_MM[0]
    image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = 2, SLICES - index, 1
    image.ImagePositionPatient = [
        ORIGIN_LPS_MM[0],
        ORIGIN_LPS_MM[1],
        ORIGIN_LPS_MM[2] + index * SPACING_MM[0],
    ]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [SPACING_MM[1], SPACING_MM[2]]
    image.Rows = image.Columns = SIDE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, 0, "HU"
    image.PixelData = pixels.astype("<i2").tobytes()
    return image
