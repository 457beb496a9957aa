"""Codes, quantities and identifiers as FHIR writes them. Plain dictionaries: the Bundle validates them.

Sources: HL7 Terminology for the systems' URIs; PS3.16 for DICOM's codes; IHE Radiology IDR for RadElement and
for the presence of a finding.
"""

import math
import re
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from firstread.findings import Code
from firstread.reports.figures import UNITS, clean

Json = dict[str, Any]

LOCAL = "urn:x-firstread:codes"
"""Codes of our own, where no terminology that we could check has one; listed in docs/reference/fhir.md."""
DIGEST = "urn:x-firstread:model-package-sha256"
LOINC, UCUM, DICOM_UID = "http://loinc.org", "http://unitsofmeasure.org", "urn:dicom:uid"
URI = "urn:ietf:rfc:3986"
SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": LOINC,
    "RADLEX": "http://www.radlex.org",
    "RadElement": "https://radelement.org",
    "NCIt": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "UCUM": UCUM,
}
PULMONARY_NODULE = Code(value="RDES195", scheme="RadElement", meaning="Pulmonary Nodule")
PRESENCE = Code(value="705057003", scheme="SCT", meaning="Presence")
PRESENT = Code(value="52101004", scheme="SCT", meaning="Present")
LATERALITY = Code(value="272741003", scheme="SCT", meaning="Laterality")
CERTAINTY = Code(value="111012", scheme="DCM", meaning="Certainty of Finding")
SOURCE_OF_MEASUREMENT = Code(value="121112", scheme="DCM", meaning="Source of Measurement")
TRACKING_UID = Code(value="112040", scheme="DCM", meaning="Tracking Unique Identifier")
CT_CHEST = Code(value="24627-2", scheme="LN", meaning="CT Chest")

LONGEST_CODE = 64


def local(value: str, meaning: str) -> Code:
    """Return a code of our own system."""
    return Code(value=value, scheme=LOCAL, meaning=meaning)


def slug(text: str) -> str:
    """Make a code of a scheme's or property's name: `Lung-RADS` becomes `lung-rads`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()[:LONGEST_CODE]).strip("-") or "other"


def coding(code: Code) -> Json:
    """Return a Coding; a scheme that has no URI is named as a private DICOM scheme."""
    scheme = clean(code.scheme, LONGEST_CODE)
    system = LOCAL if scheme in {LOCAL, "99FIRSTREAD"} else SYSTEMS.get(scheme)
    if system is None:
        system = f"urn:x-firstread:dicom-scheme:{slug(scheme)}"
    display = clean(code.meaning, 200)
    return {
        "system": system,
        "code": clean(code.value, LONGEST_CODE) or "unknown",
        **({"display": display} if display else {}),
    }


def concept(code: Code, *, text: str = "") -> Json:
    """Return a CodeableConcept of one code."""
    return {"coding": [coding(code)], **({"text": text} if text else {})}


def quantity(value: float, unit: str, digits: int) -> Json | None:
    """Return a Quantity in UCUM; None for what is not a number."""
    if not math.isfinite(value):
        return None
    unit = clean(unit, 20)
    rounded = round(value, digits) + 0.0  # no -0.0
    return {"value": rounded, "unit": UNITS.get(unit, unit) or "1", "system": UCUM, "code": unit or "1"}


def uid(value: str) -> str:
    """Return a DICOM UID as FHIR writes it."""
    return f"urn:oid:{clean(value, 64)}"


def uid_identifier(value: str) -> Json:
    """Return an Identifier that is a DICOM UID."""
    return {"system": DICOM_UID, "value": uid(value)}


def urn(*names: str) -> str:
    """Return a `urn:uuid` that depends on these names alone."""
    root: UUID = uuid5(NAMESPACE_OID, names[0])
    return f"urn:uuid:{uuid5(root, '/'.join(names[1:]))}"
