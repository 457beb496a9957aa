"""A CT with something that identifies in every attribute of the profile, to search what is left of it for."""

import json
from importlib.resources import files

from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from firstread.dicom.source import MemorySource
from tests.dicom.ct_series import ROOT, anatomy, ct_series

ACTIONS = json.loads(
    (files("firstread.dicom.deidentify") / "confidentiality_table.json").read_text(encoding="utf-8")
)["actions"]
SIZE = 32
TEXTS = {"LO", "LT", "PN", "SH", "ST", "UC", "UT", "CS", "AE", "UR"}


class Planted:
    """Values that are each unlike any other, with where each was put."""

    def __init__(self) -> None:
        self.strings: dict[str, str] = {}
        self.uids: dict[str, str] = {}
        self._n = 0

    def text(self, where: str, vr: str) -> str:
        self._n += 1
        value = {"CS": f"ZQ{self._n:05d}KX", "AE": f"AEQ{self._n:05d}", "SH": f"Qz{self._n:05d}sh"}.get(
            vr, f"Qzplant{self._n:05d}x"
        )
        if vr == "PN":
            value = f"Qzfamily{self._n:05d}^Qzgiven{self._n:05d}"
        if vr == "UR":
            value = f"http://qz{self._n:05d}.example/x"
        for part in value.split("^"):
            self.strings[part] = where
        return value

    def uid(self, where: str) -> str:
        self._n += 1
        value = f"{ROOT}.77.{self._n}.4711"
        self.uids[value] = where
        return value

    def value(self, where: str, vr: str):
        self._n += 1
        match vr:
            case "UI":
                return self.uid(where)
            case "DA":
                return "20190311"
            case "DT":
                return f"20190311{self._n % 24:02d}1500"
            case "TM":
                return "101500"
            case "AS":
                return "093Y"
            case "DS" | "IS":
                return str(self._n % 97)
            case "OB" | "UN":
                return f"Qzbytes{self._n:05d}".encode() + b"\0" * ((7 + 5) % 2)
            case _ if vr in TEXTS:
                return self.text(where, vr)
        return self._n % 97


def plant(dataset: Dataset, planted: Planted, *, deep: bool = True) -> Dataset:
    """Put a value that identifies into every attribute of Table E.1-1, and beside the table."""
    for written in ACTIONS:
        if "x" in written or written == "private" or int(written[:4], 16) in (0x0000, 0x0002, 0x0004):
            continue
        tag = Tag(int(written, 16))
        keyword = keyword_for_tag(tag)
        if keyword in ("EncapsulatedDocument", "ContentSequence", "DataSetTrailingPadding", "PixelData"):
            continue
        if keyword in _KEPT or keyword in _ELSEWHERE:
            continue
        vr = dictionary_VR(tag) if keyword else "LO"
        if vr == "SQ":
            item = Dataset()
            if deep:
                _plant_item(item, f"{keyword}[0]", planted)
            dataset[tag] = DataElement(tag, "SQ", Sequence([item]))
        else:
            value = planted.value(keyword or written, vr)
            if keyword and dictionary_VM(tag) == "1-n" and vr in TEXTS - {"LT", "ST", "UT", "UR"}:
                value = [value, planted.value(keyword, vr)]
            dataset[tag] = DataElement(tag, vr, value)
    return dataset


_KEPT = {"SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"}
_ELSEWHERE = {"GraphicAnnotationSequence"}


def _plant_item(item: Dataset, where: str, planted: Planted) -> None:
    item.PatientName = planted.text(where, "PN")
    item.PatientID = planted.text(where, "LO")
    item.CodeValue = planted.text(where, "SH")
    item.CodingSchemeDesignator = "99LOCAL"
    item.CodeMeaning = planted.text(where, "LO")
    item.ReferencedSOPInstanceUID = planted.uid(where)
    item.InstitutionName = planted.text(where, "LO")
    block = item.private_block(0x0011, "QZ PRIVATE", create=True)
    block.add_new(0x01, "LO", planted.text(where, "LO"))
    inner = Dataset()
    inner.OperatorsName = planted.text(where, "PN")
    inner.ReferencedSOPInstanceUID = planted.uid(where)
    inner.DeviceSerialNumber = planted.text(where, "LO")
    item.ReferencedSeriesSequence = [inner]


def planted_ct(*, slices: int = 1, deep: bool = True) -> tuple[list[Dataset], Planted]:
    """Return a series of one patient, planted all over, and what was planted."""
    planted = Planted()
    made = ct_series(anatomy(slices, SIZE))
    for dataset in made:
        for keyword in sorted(_KEPT):
            planted.uids[str(dataset[keyword].value)] = keyword
        plant(dataset, planted, deep=deep)
        dataset.PatientName = "Qzdoe^Qzjane=秦^始皇=Qzkana"
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientID = "QZID-4711"
        for part in ("Qzdoe", "Qzjane", "QZID-4711", "Qzkana"):
            planted.strings[part] = "PatientName"
        dataset.PatientBirthDate = "19291224"
        planted.strings["19291224"] = "PatientBirthDate"
        dataset.PatientAge = "093Y"
        dataset.PatientSex = "F"
        dataset.ImageComments = "Seen by Dr Qzdoe of Qztown"
        planted.strings["Qztown"] = "ImageComments"
        dataset.BodyPartExamined = "CHEST"
        dataset.StudyDescription = "CHEST CT Qzdoe"
        dataset.StudyDate, dataset.SeriesDate, dataset.AcquisitionDate = "20190311", "20190312", "20190314"
        dataset.ContentDate = "20190315"
        for group in (0x0019, 0x0029, 0x7053):
            block = dataset.private_block(group, "QZ PRIVATE", create=True)
            block.add_new(0x10, "LO", planted.text(f"private {group:04x}", "LO"))
            block.add_new(0x11, "OB", f"Qzsecret{group:05d}".encode() + b"\0")
            planted.strings[f"Qzsecret{group:05d}"] = f"private {group:04x}"
            nested = Dataset()
            nested.PatientName = planted.text("private sequence", "PN")
            block.add_new(0x12, "SQ", [nested])
        _overlay(dataset, 0x6000, planted)
        _curve(dataset, planted)
        _trial(dataset)
    return made, planted


def _trial(dataset: Dataset) -> None:
    for keyword in [element.keyword for element in dataset if element.keyword.startswith("ClinicalTrial")]:
        if keyword not in ("ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialProtocolID"):
            del dataset[keyword]


def _overlay(dataset: Dataset, group: int, planted: Planted) -> None:
    def add(element: int, vr: str, value) -> None:
        dataset[Tag(group, element)] = DataElement(Tag(group, element), vr, value)

    add(0x0010, "US", SIZE)
    add(0x0011, "US", SIZE)
    add(0x0022, "LO", planted.text("OverlayDescription", "LO"))
    add(0x0040, "CS", "G")
    add(0x0050, "SS", [1, 1])
    add(0x0100, "US", 1)
    add(0x0102, "US", 0)
    add(0x1500, "LO", planted.text("OverlayLabel", "LO"))
    pixels = b"Qzoverlay bytes that spell a name"
    planted.strings["Qzoverlay"] = "OverlayData"
    add(0x3000, "OW", pixels.ljust(SIZE * SIZE // 8, b"\0"))
    add(0x4000, "LT", planted.text("OverlayComments", "LT"))


def _curve(dataset: Dataset, planted: Planted) -> None:
    tag = Tag(0x5000, 0x0022)
    dataset[tag] = DataElement(tag, "LO", planted.text("CurveDescription", "LO"))


def source_of(content: bytes) -> MemorySource:
    return MemorySource(content)


def found_in(content: bytes, planted: Planted) -> list[str]:
    """Return where what is still in some byte of a file was planted, in whatever case and encoding."""
    folded = content.lower()
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    left = [
        where
        for text, where in planted.strings.items()
        if any(text.lower().encode(encoding) in folded for encoding in encodings)
    ]
    return left + [where for uid, where in planted.uids.items() if uid.encode() in content]
