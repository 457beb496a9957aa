"""Coded concepts of the findings: who says what a word means.

Sources: DICOM PS3.16 (CID 6102, 6104, 7151, 7159, 7469), SNOMED CT, the DICOM Controlled Terminology.
"""

from pydantic import BaseModel, ConfigDict


class Code(BaseModel):
    """One coded concept: value, coding scheme designator (SCT, DCM, RADLEX, 99FIRSTREAD), meaning."""

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
