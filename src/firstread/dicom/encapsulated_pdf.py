"""The report as a PACS keeps it: Encapsulated PDF (PS3.3 A.45.1), in the study that was read.

It shows what `report.pdf` shows; what is coded is in the structured report.
"""

from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from firstread.dicom.coded import coded
from firstread.dicom.derived_object import derived_object, source_instances
from firstread.dicom.quiet import quiet
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, Code, ReadResult

SERIES_NUMBER = 9904

_TITLE = Code(value="18748-4", scheme="LN", meaning="Diagnostic Imaging Report")


def build_encapsulated_pdf(
    result: ReadResult, volume: Volume, pdf: bytes, *, lang: str, created: datetime
) -> Dataset:
    """Return the report as a DICOM object.

    Args:
        result: The read.
        volume: The series that was read, with the headers of all its images.
        pdf: The report.
        lang: Its language; reports in two languages are two instances.
        created: Date and time of the content.
    """
    with quiet():
        dataset = derived_object(
            result,
            volume,
            sop_class=EncapsulatedPDFStorage,
            modality="DOC",
            kind="report",
            series_number=SERIES_NUMBER,
            created=created,
            content=lang,
            code_schemes=False,
        )
        dataset.ConversionType = "WSD"
        dataset.AcquisitionDateTime = None
        dataset.BurnedInAnnotation = "YES"
        dataset.RecognizableVisualFeatures = "NO"
        dataset.SourceInstanceSequence = source_instances(volume)
        dataset.DocumentTitle = NOTICE
        dataset.ConceptNameCodeSequence = [coded(_TITLE)]
        dataset.VerificationFlag = "UNVERIFIED"
        dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
        dataset.EncapsulatedDocumentLength = len(pdf)
        dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
        return dataset
