"""The findings as a DICOM Comprehensive 3D SR (PS3.3 A.35.13): TID 1500 Measurement Report.

The templates are highdicom's. It is imported when a report is built, since that takes half a second. The
image library is written here: highdicom's repeats twenty content items an image (5 s for 261 images),
where TID 1602 lets descriptors that all images share be stated once for their group.
"""

from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import Comprehensive3DSRStorage

from firstread.dicom.coded import coded
from firstread.dicom.derived_object import (
    derived_object,
    frame_of_reference,
    instance_reference,
    source_instances,
)
from firstread.dicom.device import MANUFACTURER, device_serial, device_uid
from firstread.dicom.quiet import quiet
from firstread.dicom.result_codes import CT_CHEST
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, Code, Predecessor, ReadResult

SERIES_NUMBER = 9901

_IMAGE_LIBRARY = Code(value="111028", scheme="DCM", meaning="Image Library")
_IMAGE_LIBRARY_GROUP = Code(value="126200", scheme="DCM", meaning="Image Library Group")
_SOURCE = Code(value="260753009", scheme="SCT", meaning="Source")
_MODALITY = Code(value="121139", scheme="DCM", meaning="Modality")
_CT = Code(value="CT", scheme="DCM", meaning="Computed Tomography")
_FRAME_OF_REFERENCE = Code(value="112227", scheme="DCM", meaning="Frame of Reference UID")
_IMAGING_MEASUREMENTS = "126010"


def build_sr(result: ReadResult, volume: Volume, *, seg: Dataset | None, created: datetime) -> Dataset:
    """Return the measurement report of a read.

    Args:
        result: The read.
        volume: The series that was read, with the headers of all its images.
        seg: The read's segmentation. A nodule refers to its segment there; without one, to an ellipsoid.
        created: Date and time of the content.
    """
    with quiet():
        return _document(result, volume, seg, created)


def _document(result: ReadResult, volume: Volume, seg: Dataset | None, created: datetime) -> Dataset:
    dataset = derived_object(
        result,
        volume,
        sop_class=Comprehensive3DSRStorage,
        modality="SR",
        kind="SR",
        series_number=SERIES_NUMBER,
        created=created,
        content=str(seg.SOPInstanceUID) if seg is not None else "",
    )
    dataset.CompletionFlag = "COMPLETE"
    dataset.CompletionFlagDescription = NOTICE
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.PreliminaryFlag = "PRELIMINARY"
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    dataset.CurrentRequestedProcedureEvidenceSequence = [evidence(result, volume, seg)]

    if result.predecessor is not None:
        dataset.PredecessorDocumentsSequence = [predecessor_item(result.predecessor)]

    report = _measurement_report(result, volume, seg)
    for element in report:
        dataset[element.tag] = element
    items = list(report.ContentSequence)
    before = next(i for i, item in enumerate(items) if _concept(item) == _IMAGING_MEASUREMENTS)
    items.insert(before, image_library(result, volume))
    dataset.ContentSequence = ItemSequence(items)
    return dataset


def _measurement_report(result: ReadResult, volume: Volume, seg: Dataset | None) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    from firstread.dicom.measurement_groups import Group, nodule_group, structure_group, study_group

    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=device_uid(result),
        name=f"{MANUFACTURER} {result.reader.name}: {NOTICE}",
        manufacturer_name=MANUFACTURER,
        model_name=result.reader.name,
        serial_number=device_serial(result),
    )
    observer = hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept.from_code(codes.cid270.Device),
        observer_identifying_attributes=device,
    )
    groups: list[Group] = [study_group(result)]
    groups += [nodule_group(finding, result, volume, seg=seg) for finding in result.findings]
    if seg is not None:
        groups += [structure_group(one, result, volume, seg=seg) for one in result.structures]
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=hd.sr.CodedConcept(CT_CHEST.value, CT_CHEST.scheme, CT_CHEST.meaning),
        imaging_measurements=groups,
        language_of_content_item_and_descendants=hd.sr.LanguageOfContentItemAndDescendants(
            hd.sr.CodedConcept("en-US", "RFC5646", "English (United States)")
        ),
    )
    root: Dataset = report[0]
    return root


def image_library(result: ReadResult, volume: Volume) -> Dataset:
    """Return the image library (TID 1600): one group, its descriptors stated once (TID 1602)."""
    group = _item("CONTAINER", _IMAGE_LIBRARY_GROUP, relation="CONTAINS")
    group.ContinuityOfContent = "SEPARATE"
    modality = _item("CODE", _MODALITY, relation="HAS ACQ CONTEXT")
    modality.ConceptCodeSequence = [coded(_CT)]
    frame = _item("UIDREF", _FRAME_OF_REFERENCE, relation="HAS ACQ CONTEXT")
    frame.UID = frame_of_reference(result, volume)
    images = []
    for reference in source_instances(volume):
        image = _item("IMAGE", _SOURCE, relation="CONTAINS")
        image.ReferencedSOPSequence = [reference]
        images.append(image)
    group.ContentSequence = [modality, frame, *images]
    library = _item("CONTAINER", _IMAGE_LIBRARY, relation="CONTAINS")
    library.ContinuityOfContent = "SEPARATE"
    library.ContentSequence = [group]
    return library


def _item(value_type: str, name: Code, *, relation: str) -> Dataset:
    item = Dataset()
    item.RelationshipType = relation
    item.ValueType = value_type
    item.ConceptNameCodeSequence = [coded(name)]
    return item


def _concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].get("CodeValue", ""))


def evidence(result: ReadResult, volume: Volume, seg: Dataset | None) -> Dataset:
    """List what the report refers to, by series (PS3.3 C.17.2.2)."""
    evidence = Dataset()
    evidence.StudyInstanceUID = result.study_uid
    series = [_series(result.series_uid, source_instances(volume))]
    if seg is not None:
        series.append(
            _series(seg.SeriesInstanceUID, [instance_reference(seg.SOPClassUID, seg.SOPInstanceUID)])
        )
    evidence.ReferencedSeriesSequence = series
    return evidence


def predecessor_item(former: Predecessor) -> Dataset:
    """Name the report that this one takes the place of (PS3.3 C.17.2, C.17.2.1)."""
    item = Dataset()
    item.StudyInstanceUID = former.study_uid
    report = instance_reference(Comprehensive3DSRStorage, former.sop_instance_uid)
    item.ReferencedSeriesSequence = [_series(former.series_uid, [report])]
    return item


def _series(uid: str, instances: Sequence[Dataset]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = uid
    item.ReferencedSOPSequence = list(instances)
    return item
