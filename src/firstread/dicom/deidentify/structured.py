"""Structured content and drawn annotations: what of them may be told (PS3.15 E.3.3, E.3.4)."""

from pydicom.dataset import Dataset

from firstread.dicom.coded import coded
from firstread.dicom.deidentify.dummies import REMOVED, dummy_code
from firstread.findings import Code

VALUES = ("TextValue", "PersonName", "UID", "Date", "DateTime", "Time")
"""What a content item (PS3.3 C.17.3.2) may hold besides numbers, codes, references and coordinates."""

_SCHEMES = frozenset(
    """
    DCM SCT SRT SNM3 UCUM LN RADLEX RADELEMENT FMA MDC ICD10 ICD10CM ICD9 I10 I10C I10P I9C C4 BI ACR UMLS NCIt NEU
    UBERON ITIS_TSN MSH NYUMCCG ISO639_1 ISO639_2 ISO3166_1 RXNORM LOINC LOSUBS
    """.upper().split()
)


def is_known_scheme(designator: str) -> bool:
    """Tell whether a coding scheme is one of the world's, whose meanings name nobody (PS3.16 section 8)."""
    return designator.upper() in _SCHEMES


def drop_local_codes(item: Dataset) -> None:
    """Replace codes of the site's own in an item and below: a value of theirs can be anything."""
    if "CodeMeaning" in item and not is_known_scheme(str(item.get("CodingSchemeDesignator", ""))):
        for keyword in ("LongCodeValue", "URNCodeValue"):
            if keyword in item:
                del item[keyword]
        item.update(dummy_code())
    for element in item:
        if element.VR == "SQ":
            for below in element.value or ():
                drop_local_codes(below)


def content_removed() -> Dataset:
    """Return the content item that stands for a report whose content may not be told."""
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = [coded(Code(scheme="DCM", value="121106", meaning="Comment"))]
    item.TextValue = REMOVED
    return item


def graphics_removed(annotation: Dataset) -> Dataset:
    """Return an annotation of a presentation state that only says that there was one (PS3.3 C.10.5)."""
    for keyword in ("GraphicObjectSequence", "CompoundGraphicSequence"):
        if keyword in annotation:
            del annotation[keyword]
    text = Dataset()
    text.UnformattedTextValue = REMOVED
    text.AnchorPoint = [0.0, 0.0]
    text.AnchorPointAnnotationUnits = "DISPLAY"
    text.AnchorPointVisibility = "N"
    annotation.TextObjectSequence = [text]
    return annotation
