"""Coded concepts of the findings: who says what a word means.

Sources: DICOM PS3.16 (CID 240, 6102, 6104, 7151, 7159, 7469), SNOMED CT, the DICOM Controlled Terminology, the
NCI Thesaurus.
"""

from pydantic import BaseModel, ConfigDict


class Code(BaseModel):
    """One coded concept: value, coding scheme designator (SCT, DCM, RADLEX, NCIt, 99FIRSTREAD), meaning."""

    model_config = ConfigDict(frozen=True)

    value: str
    scheme: str
    meaning: str


NODULE = Code(value="27925004", scheme="SCT", meaning="Nodule")
MASS = Code(value="4147007", scheme="SCT", meaning="Mass")

LUNG = Code(value="39607008", scheme="SCT", meaning="Lung")
RIGHT = Code(value="24028007", scheme="SCT", meaning="Right")
LEFT = Code(value="7771000", scheme="SCT", meaning="Left")

LONG_AXIS = Code(value="103339001", scheme="SCT", meaning="Long Axis")
SHORT_AXIS = Code(value="103340004", scheme="SCT", meaning="Short Axis")
MEAN_DIAMETER = Code(value="81827009", scheme="SCT", meaning="Diameter")
VOLUME = Code(value="118565006", scheme="SCT", meaning="Volume")
MEAN_ATTENUATION = Code(value="112181", scheme="DCM", meaning="Mean Attenuation Coefficient")

# Codes of the DICOM version of the LIDC-IDRI annotations (Fedorov et al., Med Phys 2020).
CALCIFICATION = Code(value="C3672", scheme="NCIt", meaning="Calcification")
SPICULATION = Code(value="C28749", scheme="NCIt", meaning="Spiculation")
LOBULATION = Code(value="C62175", scheme="NCIt", meaning="Lobular Pattern")
PRESENT = Code(value="52101004", scheme="SCT", meaning="Present")
ABSENT = Code(value="272519000", scheme="SCT", meaning="Absent")
# No published code says that a number repeats readers' ratings and is not a probability of cancer.
SPICULATION_SCORE = Code(
    value="spiculation", scheme="99FIRSTREAD", meaning="Spiculation (research score, 1 to 5)"
)
LOBULATION_SCORE = Code(
    value="lobulation", scheme="99FIRSTREAD", meaning="Lobulation (research score, 1 to 5)"
)
MALIGNANCY_SCORE = Code(
    value="malignancy", scheme="99FIRSTREAD", meaning="Suspicion of malignancy (research score, 0 to 1)"
)
