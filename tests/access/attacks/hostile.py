"""Payloads, a study that is full of them, and how to tell whether one of them works."""

from html.parser import HTMLParser

from pydicom.dataset import Dataset

from tests.dicom.ct_series import ROOT, anatomy, ct_series
from tests.dicom.deidentify.documents import code

STUDY, SERIES = f"{ROOT}.66", f"{ROOT}.66.1"
SCRIPT = "<script>alert(66)</script>"
IMAGE = '"><img src=x onerror=alert(66)>'
SVG = "</title></textarea><svg/onload=alert(66)>"
SINGLE = "' onmouseover='alert(66)"
LINK = "javascript:alert(66)"
TEMPLATE = "{{66*67}}${66*67}"
ENCODED = "&lt;script&gt;&#60;script&#62;alert(66)"


def _name(text: str) -> str:
    """PN has 64 characters a group; = ^ and the backslash are its own."""
    return text.replace("=", "").replace("^", "")[:60]


def hostile_study() -> list[Dataset]:
    """Return two images and a report of one study."""
    images = ct_series(anatomy(2, 32), study=66)
    for ds in images:
        _spoil(ds)
    return [*images, _report(images[0])]


def _spoil(ds: Dataset) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = f"{_name(SCRIPT)}^{_name('><svg onload alert(66)>')}"
    ds.PatientID = SVG[:64]
    ds.IssuerOfPatientID = SINGLE
    ds.AccessionNumber = "<b onclick=x>"
    ds.StudyID = "'\"><i>"
    ds.StudyDescription = IMAGE
    ds.SeriesDescription = SCRIPT
    ds.ReferringPhysicianName = _name(IMAGE)
    ds.InstitutionName = LINK
    ds.InstitutionalDepartmentName = SVG
    ds.StationName = "<u>"
    ds.ProtocolName = TEMPLATE
    ds.ImageComments = ENCODED
    ds.RetrieveURL = LINK


def _report(image: Dataset) -> Dataset:
    ds = Dataset()
    for keyword in ("StudyInstanceUID", "StudyDate"):
        setattr(ds, keyword, image[keyword].value)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    ds.SeriesInstanceUID, ds.SOPInstanceUID = f"{STUDY}.2", f"{STUDY}.2.1"
    ds.Modality = "SR"
    _spoil(ds)
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ConceptNameCodeSequence = code("18748-4", "LN", SCRIPT)
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = code("121071", "DCM", "Finding")
    item.TextValue = SCRIPT + IMAGE + SVG
    ds.ContentSequence = [item]
    return ds


class _Live(HTMLParser):
    """Collects what a browser would run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.text: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        for name, value in attrs:
            value = (value or "").strip().lower()
            if name.startswith("on") or value.startswith(("javascript:", "data:text/html", "vbscript:")):
                self.found.append(f"{tag} {name}")
            if name == "srcdoc":
                self.found.append(f"{tag} srcdoc")
        if tag in ("iframe", "object", "embed", "base") or (tag, ("src", "x")) == (
            "img",
            (attrs or [("", "")])[0],
        ):
            self.found.append(tag)
        if tag == "svg" and any(name.startswith("onload") for name, _ in attrs):
            self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and "66" in data:
            self.found.append("script")
        self.text.append(data)


def live(page: str) -> list[str]:
    """Return what of the payloads a browser would run."""
    parser = _Live()
    parser.feed(page)
    parser.close()
    return parser.found


def text_of(page: str) -> str:
    """Return what a person reads on a page."""
    parser = _Live()
    parser.feed(page)
    parser.close()
    return "".join(parser.text)
