"""A report and a presentation state with names in their texts."""

from pydicom.dataset import Dataset

from tests.dicom.ct_series import CT_IMAGE, ROOT
from tests.dicom.deidentify.planted import Planted


def code(value: str, scheme: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def _patient(sop_class: str, modality: str, planted: Planted) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = (planted.uid("identity") for _ in range(3))
    ds.Modality = modality
    ds.PatientName = planted.text("PatientName", "PN")
    ds.PatientID = planted.text("PatientID", "LO")
    ds.PatientBirthDate, ds.PatientSex = "19291224", "O"
    ds.StudyDate, ds.StudyTime = "20190311", "101500"
    ds.AccessionNumber = planted.text("AccessionNumber", "SH")
    ds.ReferringPhysicianName = planted.text("ReferringPhysicianName", "PN")
    ds.StudyID = planted.text("StudyID", "SH")
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.Manufacturer = "ACME"
    return ds


def _reference(planted: Planted) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT_IMAGE, planted.uid("reference")
    return item


def planted_report(planted: Planted) -> Dataset:
    """Return an Enhanced SR (PS3.3 A.35.2) that says a name in each kind of content item."""
    ds = _patient("1.2.840.10008.5.1.4.1.1.88.22", "SR", planted)
    ds.ContentDate, ds.ContentTime = "20190312", "111500"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "VERIFIED"
    observer = Dataset()
    observer.VerifyingObserverName = planted.text("VerifyingObserverName", "PN")
    observer.VerifyingObserverIdentificationCodeSequence = []
    observer.VerifyingOrganization = planted.text("VerifyingOrganization", "LO")
    observer.VerificationDateTime = "20190313121500"
    ds.VerifyingObserverSequence = [observer]
    ds.ValueType = "CONTAINER"
    ds.ContinuityOfContent = "SEPARATE"
    ds.ConceptNameCodeSequence = code("18748-4", "LN", "Diagnostic imaging report")
    ds.ContentSequence = [_language(), _findings(planted)]
    series = Dataset()
    series.SeriesInstanceUID = planted.uid("evidence")
    series.ReferencedSOPSequence = [_reference(planted)]
    study = Dataset()
    study.StudyInstanceUID = planted.uid("evidence")
    study.ReferencedSeriesSequence = [series]
    ds.CurrentRequestedProcedureEvidenceSequence = [study]
    return ds


def _item(kind: str, name: list[Dataset], relationship: str = "CONTAINS") -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relationship, kind
    item.ConceptNameCodeSequence = name
    return item


def _language() -> Dataset:
    item = _item("CODE", code("121049", "DCM", "Language of Content Item and Descendants"), "HAS CONCEPT MOD")
    item.ConceptCodeSequence = code("en", "RFC5646", "English")
    return item


def _findings(planted: Planted) -> Dataset:
    container = _item("CONTAINER", code("121070", "DCM", "Findings"))
    container.ContinuityOfContent = "SEPARATE"
    text = _item("TEXT", code("121071", "DCM", "Finding"))
    text.TextValue = f"{planted.text('TextValue', 'UT')} was seen with a nodule"
    number = _item("NUM", code("410668003", "SCT", "Length"))
    value = Dataset()
    value.NumericValue = "8.5"
    value.MeasurementUnitsCodeSequence = code("mm", "UCUM", "millimeter")
    number.MeasuredValueSequence = [value]
    coded = _item("CODE", code("363698007", "SCT", "Finding Site"))
    coded.ConceptCodeSequence = code("39607008", "SCT", "Lung")
    name = _item("PNAME", code("121008", "DCM", "Person Observer Name"), "CONTAINS")
    name.PersonName = planted.text("PersonName", "PN")
    day = _item("DATE", code("111060", "DCM", "Study Date"))
    day.Date = "20190311"
    uid = _item("UIDREF", code("110180", "DCM", "Study Instance UID"))
    uid.UID = planted.uid("UID")
    container.ContentSequence = [text, number, coded, name, day, uid]
    return container


def planted_presentation_state(planted: Planted) -> Dataset:
    """Return a Grayscale Softcopy Presentation State (PS3.3 A.33.1) with a name drawn and written on the image."""
    ds = _patient("1.2.840.10008.5.1.4.1.1.11.1", "PR", planted)
    ds.ContentLabel, ds.ContentDescription = "NOTES", planted.text("ContentDescription", "LO")
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20190314", "131500"
    ds.ContentCreatorName = planted.text("ContentCreatorName", "PN")
    series = Dataset()
    series.SeriesInstanceUID = f"{ROOT}.7.1"
    planted.uids[f"{ROOT}.7.1"] = "series"
    reference = _reference(planted)
    series.ReferencedImageSequence = [reference]
    ds.ReferencedSeriesSequence = [series]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [1, 1], [32, 32]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    ds.DisplayedAreaSelectionSequence = [area]
    ds.PresentationLUTShape = "IDENTITY"
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "NOTES", 1
    ds.GraphicLayerSequence = [layer]
    written = Dataset()
    written.UnformattedTextValue = planted.text("UnformattedTextValue", "ST")
    written.AnchorPoint, written.AnchorPointAnnotationUnits = [3, 4], "PIXEL"
    written.AnchorPointVisibility = "Y"
    drawn = Dataset()
    drawn.GraphicAnnotationUnits, drawn.GraphicDimensions, drawn.NumberOfGraphicPoints = "PIXEL", 2, 2
    drawn.GraphicData, drawn.GraphicType = [1.0, 2.0, 3.0, 4.0], "POLYLINE"
    annotation = Dataset()
    annotation.GraphicLayer = "NOTES"
    annotation.TextObjectSequence = [written]
    annotation.GraphicObjectSequence = [drawn]
    ds.GraphicAnnotationSequence = [annotation]
    return ds
