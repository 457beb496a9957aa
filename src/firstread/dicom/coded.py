"""Codes of the findings as DICOM code items, and the coding schemes they come from."""

from pydicom.dataset import Dataset

from firstread.findings import Code

LOCAL_SCHEME = "99FIRSTREAD"

_CODE_VALUE = 16
"""Characters of Code Value (VR SH); a longer code goes into Long Code Value (PS3.3 8.1)."""
_CODE_MEANING = 64
"""Characters of Code Meaning (VR LO)."""

_SCHEMES = (
    ("DCM", "DICOM Controlled Terminology", "1.2.840.10008.2.16.4"),
    ("SCT", "SNOMED CT using SNOMED-CT style values", "2.16.840.1.113883.6.96"),
    ("RADLEX", "Radiology Lexicon", "2.16.840.1.113883.6.256"),
    ("NCIt", "NCI Thesaurus", "2.16.840.1.113883.3.26.1.1"),
    ("UCUM", "Unified Code for Units of Measure", "2.16.840.1.113883.6.8"),
)


def coded(code: Code) -> Dataset:
    """Return a Code Sequence Macro item (PS3.3 8.8)."""
    item = Dataset()
    if len(code.value) > _CODE_VALUE:
        item.LongCodeValue = code.value
    else:
        item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning[:_CODE_MEANING]
    return item


def coding_schemes() -> list[Dataset]:
    """Return the Coding Scheme Identification Sequence (PS3.3 C.12.1.1.7), the product's own included."""
    items = []
    for designator, name, uid in _SCHEMES:
        item = Dataset()
        item.CodingSchemeDesignator = designator
        item.CodingSchemeRegistry = "HL7"
        item.CodingSchemeUID = uid
        item.CodingSchemeName = name
        items.append(item)
    own = Dataset()
    own.CodingSchemeDesignator = LOCAL_SCHEME
    own.CodingSchemeName = "firstread local codes"
    own.CodingSchemeResponsibleOrganization = "firstread"
    items.append(own)
    return items
