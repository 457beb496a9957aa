"""Codes that the result objects use beyond those of `findings.concepts`.

Sources: PS3.16 as pydicom carries it (CID 6002, 6048, 6102, 6126, 6170, 6171, 7150, 7464); RadLex for the
Lung-RADS categories and the nodule's attenuation, the latter as the LIDC-IDRI annotations in DICOM SR
use them. Where no published code is known the scheme is 99FIRSTREAD.
"""

import re

from firstread.dicom.coded import LOCAL_SCHEME
from firstread.findings import Category, Code


def _sct(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="SCT", meaning=meaning)


def _dcm(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="DCM", meaning=meaning)


def _radlex(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="RADLEX", meaning=meaning)


def _local(value: str, meaning: str) -> Code:
    return Code(value=value, scheme=LOCAL_SCHEME, meaning=meaning)


ABNORMAL_STRUCTURE = _sct("49755003", "Morphologically Abnormal Structure")
ANATOMICAL_STRUCTURE = _sct("91723000", "Anatomical Structure")
CT_CHEST = Code(value="24627-2", scheme="LN", meaning="CT Chest")
SUBPLEURAL = _sct("68599007", "Subpleural")
MEAN = _sct("373098007", "Mean")

CERTAINTY = _dcm("111012", "Certainty of Finding")
COMMENT = _dcm("121106", "Comment")
IMPRESSION = _dcm("121073", "Impression")
COMPARISON = _dcm("111424", "Comparison to previous studies")

LOBES = {
    "right upper": _sct("45653009", "Upper lobe of lung"),
    "right middle": _sct("72481006", "Middle lobe of right lung"),
    "right lower": _sct("90572001", "Lower lobe of lung"),
    "left upper": _sct("45653009", "Upper lobe of lung"),
    "left lower": _sct("90572001", "Lower lobe of lung"),
}
ZONES = {
    "upper": _sct("281392002", "Upper zone of lung"),
    "middle": _sct("281393007", "Middle zone of lung"),
    "lower": _sct("281394001", "Lower zone of lung"),
}

ATTENUATION = _local("attenuation", "Nodule attenuation")
ATTENUATIONS = {
    "solid": _radlex("RID50151", "solid pulmonary nodule"),
    "part-solid": _radlex("RID50152", "part-solid pulmonary nodule"),
    "ground-glass": _radlex("RID50153", "non-solid pulmonary nodule"),
    "calcified": _sct("129748009", "Radiographic calcification finding"),
    "fat": _sct("129747004", "Fat containing (radiolucent) lesion"),
}
SOLID_LONG_AXIS = _local("solid-long", "Long axis of solid component")
SOLID_SHORT_AXIS = _local("solid-short", "Short axis of solid component")
SOLID_MEAN_DIAMETER = _local("solid-mean", "Mean diameter of solid component")

CHANGES = {
    "new": _sct("129721008", "New finding"),
    "stable": _sct("129723006", "No significant changes in the finding"),
    "growing": _sct("15454001", "Increase in size"),
    "slowly growing": _local("slow-growth", "Slow increase in size"),
    "decreased": _sct("19776001", "Decrease in size"),
}
DIAMETER_CHANGE = _local("diameter-change", "Change of mean diameter since prior study")
VOLUME_DOUBLING_TIME = _local("doubling-time", "Volume doubling time")
INTERVAL = _local("interval", "Time since prior study")

_SCHEMES = {
    "Lung-RADS": _radlex("RID50134", "Lung-RADS assessment"),
    "Fleischner": _local("fleischner", "Fleischner Society recommendation"),
    "C-Lung-RADS": _local("c-lung-rads", "C-Lung-RADS category"),
}
_LUNG_RADS = {
    "0": "RID50135",
    "1": "RID50136",
    "2": "RID50137",
    "3": "RID50138",
    "4A": "RID50139",
    "4B": "RID50140",
    "4X": "RID50141",
}

UNIT_MEANINGS = {
    "mm": "millimeter",
    "mm3": "cubic millimeter",
    "[hnsf'U]": "Hounsfield unit",
    "%": "percent",
    "d": "day",
    "1": "no units",
    "cm3": "cubic centimeter",
    "mg": "milligram",
    "{score}": "score",
}


def category_name(category: Category) -> Code:
    """Return the concept that a category of this scheme is a value of."""
    known = _SCHEMES.get(category.scheme)
    return known or _local(_slug(category.scheme), f"{category.scheme} category")


def category_value(category: Category) -> Code:
    """Return the coded category; a Lung-RADS one is RadLex's, any other the product's own."""
    meaning = f"{category.scheme} {category.value}"
    if category.scheme == "Lung-RADS" and category.value in _LUNG_RADS:
        return _radlex(_LUNG_RADS[category.value], meaning)
    return _local(_slug(f"{category.scheme}-{category.value}"), meaning)


def unit(ucum: str) -> Code:
    """Return the coded unit of a UCUM symbol."""
    return Code(value=ucum, scheme="UCUM", meaning=UNIT_MEANINGS.get(ucum, ucum))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-") or "none"
