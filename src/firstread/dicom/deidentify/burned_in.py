"""Which images may show text of the patient, by rule: what nobody has looked at is not let out."""

from pydicom.dataset import Dataset

from firstread.dicom.header import text, texts

_ULTRASOUND = ("1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.3")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_SCREENS = (
    "SCREEN SAVE",
    "SCREENSAVE",
    "SCREEN SHOT",
    "SCREENSHOT",
    "SCREEN",
    "CAPTURE",
    "REPORT",
    "DOSE",
    "PHOTO",
)
_CAPTURED = ("WSD", "DF", "SI", "DRW", "SYN")
_VISIBLE = "1.2.840.10008.5.1.4.1.1.77.1"
_HEAD = (
    "HEAD",
    "BRAIN",
    "SKULL",
    "FACE",
    "FACIAL",
    "SINUS",
    "ORBIT",
    "NECK",
    "JAW",
    "MAXILLA",
    "MANDIBLE",
    "DENTAL",
)
_SLICED = ("CT", "MR", "PT")


def may_show_text(dataset: Dataset) -> str:
    """Return why the pixels may show text that identifies, e.g. "it is a secondary capture"; "" where they do not.

    PS3.3 C.7.6.1.1.1, C.8.6.1. That an ultrasound image or a capture is said to show none is not believed: it is
    written by the same devices that burn the name in.
    """
    if "Rows" not in dataset:
        return ""
    sop_class = text(dataset, "SOPClassUID")
    said = text(dataset, "BurnedInAnnotation").upper()
    if said not in ("", "NO"):
        return "its header says that text is burned in"
    if sop_class.startswith(_ULTRASOUND) or text(dataset, "Modality").upper() in ("US", "IVUS"):
        return "it is an ultrasound image"
    if sop_class == _SECONDARY_CAPTURE or sop_class.startswith(f"{_SECONDARY_CAPTURE}."):
        return "it is a secondary capture"
    if sop_class.startswith(_VISIBLE) or text(dataset, "Modality").upper() in ("XC", "ES", "OT"):
        return "it is a photograph or of a kind of its own"
    if text(dataset, "ConversionType").upper() in _CAPTURED:
        return "it is converted from a film, a screen or a drawing"
    kinds = [kind.upper() for kind in texts(dataset, "ImageType")]
    if any(screen in kind for kind in kinds for screen in _SCREENS):
        return "its type says that it is a picture of a screen"
    return ""


def may_show_a_face(dataset: Dataset) -> bool:
    """Tell whether a face could be made from the images: of slices of the head, or where the header says so."""
    if text(dataset, "RecognizableVisualFeatures").upper() == "YES":
        return True
    if text(dataset, "Modality").upper() not in _SLICED:
        return False
    described = " ".join(
        text(dataset, keyword)
        for keyword in ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
    ).upper()
    return any(word in described for word in _HEAD)
