"""What all result objects share: patient, study, a new series, equipment, identity.

Patient and study are copied from a source image, so that an archive files the object with it.
"""

from copy import deepcopy
from datetime import datetime
from pathlib import Path

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from firstread.dicom.coded import coding_schemes
from firstread.dicom.device import add_equipment
from firstread.dicom.header import texts, uid
from firstread.dicom.quiet import quiet
from firstread.dicom.source_planes import sop_class_uid
from firstread.dicom.uids import derive_uid, read_digest
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, ReadResult

IMPLEMENTATION_CLASS_UID = derive_uid("implementation", "firstread")
IMPLEMENTATION_VERSION = "FIRSTREAD"

_REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
)
"""Type 2 of the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): empty when unknown."""

_COPIED = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID",
    "OtherPatientIDsSequence",
    "PatientBirthTime",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "ProcedureCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "LongitudinalTemporalInformationModified",
)


def derived_object(
    result: ReadResult,
    volume: Volume,
    *,
    sop_class: str,
    modality: str,
    kind: str,
    series_number: int,
    created: datetime,
    instance_number: int = 1,
    content: str = "",
    code_schemes: bool = True,
) -> Dataset:
    """Return a data set with the modules that every result object has, and its file meta information.

    Args:
        result: The read.
        volume: The series that was read.
        sop_class: UID of what is written.
        modality: SR, SEG or OT.
        kind: Names the series within the read, e.g. "sr"; part of its UIDs and of its description.
        series_number: Of the new series.
        created: When the result was made; local time of the study where it has no time zone.
        instance_number: Within the new series.
        content: What distinguishes the instance from others of its series; part of its UID.
        code_schemes: Whether to say where the codes come from.
    """
    header = volume.header
    dataset = Dataset()
    _copy_patient_and_study(header, dataset)
    dataset.StudyInstanceUID = result.study_uid

    identity = (result.study_uid, result.series_uid, read_digest(result), kind)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = derive_uid(*identity, str(instance_number), content)
    dataset.SeriesInstanceUID = derive_uid(*identity)
    dataset.Modality = modality
    dataset.SeriesNumber = series_number
    dataset.SeriesDescription = f"firstread {kind}: {NOTICE}"
    dataset.InstanceNumber = instance_number
    date, time = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    if code_schemes:
        dataset.CodingSchemeIdentificationSequence = coding_schemes()
    add_equipment(dataset, result, scanner=header)
    _add_file_meta(dataset)
    return dataset


def frame_of_reference(result: ReadResult, volume: Volume) -> str:
    """Return the Frame of Reference UID of the source, or one for its series where the source has none."""
    return str(
        result.frame_of_reference_uid
        or uid(volume.header, "FrameOfReferenceUID")
        or derive_uid("frame of reference", result.series_uid)
    )


def instance_reference(sop_class: str, sop_instance: str) -> Dataset:
    """Return a reference to an instance (PS3.3 10.8)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    return item


def source_instances(volume: Volume) -> list[Dataset]:
    """Return a reference to each stored instance of the series, once each, in the volume's order."""
    classes = {
        source.sop_instance_uid: sop_class_uid(header)
        for source, header in zip(volume.sources, volume.headers, strict=True)
    }
    return [instance_reference(sop_class, instance) for instance, sop_class in classes.items()]


def save(dataset: Dataset, path: Path) -> None:
    """Write a result object as a DICOM file; oddities copied from the source header stay unremarked."""
    with quiet():
        dataset.save_as(path, enforce_file_format=True)


def _copy_patient_and_study(header: Dataset, dataset: Dataset) -> None:
    for keyword in _REQUIRED:
        setattr(dataset, keyword, None)
    for keyword in (*_COPIED, *_REQUIRED):
        try:
            if keyword in header:
                dataset[keyword] = deepcopy(header[keyword])
        except Exception:
            # pydicom raises almost anything at a damaged value: it is left out, a required attribute empty.
            continue
    if any(name and name not in python_encoding for name in texts(dataset, "SpecificCharacterSet")):
        # pydicom read the text as best it could; what it read is written in a set that everybody knows.
        dataset.SpecificCharacterSet = "ISO_IR 192"


def _add_file_meta(dataset: Dataset) -> None:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    dataset.file_meta = meta
