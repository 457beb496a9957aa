"""One instance without its patient: PS3.15 Annex E, by the table and the options of a project."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from firstread import __version__
from firstread.dicom.deidentify import burned_in, pixels, structured
from firstread.dicom.deidentify.attribute_types import attribute_type
from firstread.dicom.deidentify.dates import blurred_age, shifted_date, shifted_date_time
from firstread.dicom.deidentify.dummies import dummy, dummy_code, texts_of
from firstread.dicom.deidentify.identifiers import identifying_words, mentions
from firstread.dicom.deidentify.options import BASIC_PROFILE, BASIC_PROFILE_MEANING, Option
from firstread.dicom.deidentify.private_safe import creator_of, is_safe
from firstread.dicom.deidentify.profile import Action, Profile, resolved, shipped
from firstread.dicom.deidentify.pseudonyms import Pseudonyms, patient_key
from firstread.dicom.deidentify.vocabulary import cleaned
from firstread.dicom.header import text
from firstread.errors import RefusedInput

_STANDARD_UIDS = "1.2.840.10008."
_NO_INSTANCE = frozenset(
    int(Tag(keyword))
    for keyword in ("CodingSchemeUID", "ContextUID", "MappingResourceUID", "ReferencedSOPClassUID")
)
_NAME, _PATIENT_ID = int(Tag("PatientName")), int(Tag("PatientID"))
_TEXTS = frozenset({"CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "AE"})
_LONG_TEXTS = frozenset({"LT", "ST", "UT", "UR", "UN"})
_DESCRIBED = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_DESCRIBING = ("Comment", "Comments", "Description", "Label", "Notes")
"""Ends of keywords of what a person writes freely, in the table or not."""
_WHEN = frozenset({"DA", "DT", "TM"})
_CHARACTER_SET = 0x00080005
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_STRUCTURED = frozenset(int(Tag(keyword)) for keyword in ("ContentSequence", "AcquisitionContextSequence"))
_GRAPHICS = int(Tag("GraphicAnnotationSequence"))
_REFUSED_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.104.": "it is a document of another format, which can hold anything",
    "1.2.840.10008.5.1.4.1.1.9.4.": "it is sound, and a voice is a person's",
    "1.2.840.10008.5.1.4.1.1.68.": "it is a scan of a surface, which is a person's face or body",
}
_RAW = "1.2.840.10008.5.1.4.1.1.66"


@dataclass(frozen=True)
class Deidentified:
    """An instance without its patient.

    Attributes:
        dataset: What is written; its `file_meta` is made anew.
        transfer_syntax_uid: How its pixels are encoded.
        person: What tells its patient from others, as `patient_key` says; it identifies.
        pseudonym: What the project calls that patient.
        actions: How many attributes were removed (X), emptied (Z), replaced (D, U), cleaned (C).
        warnings: What a person should know, naming nobody.
        blanked: Rectangles of its pixels that were made black.
    """

    dataset: Dataset
    transfer_syntax_uid: str
    person: str = field(repr=False)
    pseudonym: str
    actions: Counter[str]
    warnings: tuple[str, ...]
    blanked: tuple[pixels.Rectangle, ...] = ()


@dataclass(frozen=True)
class Deidentifier:
    """De-identifies for one project.

    Args:
        pseudonyms: The project's.
        options: Which options of the profile it has.
        blank: Parts of images that may show text; without them such images are refused.
        profile: Table E.1-1.
    """

    pseudonyms: Pseudonyms
    options: frozenset[Option] = frozenset()
    blank: Sequence[pixels.Rectangle] = ()
    profile: Profile = field(default_factory=shipped, repr=False)

    def __call__(self, dataset: Dataset, transfer_syntax_uid: str) -> Deidentified:
        """Return the instance without its patient; `dataset` itself is left as it is.

        Raises:
            RefusedInput: it can not be de-identified by rule; the message says why and names nobody.
        """
        sop_class = text(dataset, "SOPClassUID")
        _refuse_what_can_hold_anything(dataset, sop_class)
        why = burned_in.may_show_text(dataset)
        if why and not (self.blank and Option.CLEAN_PIXEL_DATA in self.options):
            raise RefusedInput(
                f"The image may show text that identifies: {why}.",
                remedy="Look at it, and name the parts to make black with --blank, or leave it out.",
            )
        person = patient_key(dataset)
        one = _One(self, sop_class, person, identifying_words(dataset))
        made = one.level(dataset, ())
        if one.unreadable:
            one.warnings.append(f"{one.unreadable} damaged attributes were left out.")
        if burned_in.may_show_a_face(dataset):
            one.warnings.append(
                "A face could be made from the slices of a head: nothing was done against that."
            )
        blanked: tuple[pixels.Rectangle, ...] = ()
        if why:
            blanked = tuple(self.blank)
            transfer_syntax_uid = pixels.blank(made, transfer_syntax_uid, blanked)
            made.BurnedInAnnotation = "NO"
        else:
            pixels.tidy(made, transfer_syntax_uid, overlaid=_is_overlaid(dataset))
        self._say_what_was_done(made)
        return Deidentified(
            made, transfer_syntax_uid, person, one.pseudonym, one.actions, tuple(one.warnings), blanked
        )

    def _say_what_was_done(self, made: Dataset) -> None:
        """Add what PS3.15 E.1.1 and E.3 ask for: that it was de-identified, by what, and how times were changed."""
        made.PatientIdentityRemoved = "YES"
        made.DeidentificationMethod = f"firstread {__version__}, PS3.15 Annex E"
        codes = [(BASIC_PROFILE, BASIC_PROFILE_MEANING)]
        codes += sorted((option.code, option.meaning) for option in self.options)
        made.DeidentificationMethodCodeSequence = [_code(*each) for each in codes]
        made.LongitudinalTemporalInformationModified = (
            "UNMODIFIED"
            if Option.FULL_DATES in self.options
            else "MODIFIED"
            if Option.MODIFIED_DATES in self.options
            else "REMOVED"
        )
        made.SpecificCharacterSet = "ISO_IR 192"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _refuse_what_can_hold_anything(dataset: Dataset, sop_class: str) -> None:
    why = next((why for root, why in _REFUSED_CLASSES.items() if sop_class.startswith(root)), "")
    if sop_class == _RAW:
        why = "it is raw data of a vendor, which can hold anything"
    if not sop_class.startswith(_STANDARD_UIDS):
        why = "its SOP class is none of the standard's"
    if "EncapsulatedDocument" in dataset:
        why = "it holds a document of another format, which can hold anything"
    if "StudyInstanceUID" not in dataset or "SOPInstanceUID" not in dataset:
        why = "it has no UIDs"
    if why:
        raise RefusedInput(f"The instance cannot be de-identified by rule: {why}.", remedy="Leave it out.")


def _is_overlaid(dataset: Dataset) -> bool:
    """Tell whether a header has an overlay without data of its own: it is in spare bits of the pixels."""
    tags = tuple(dataset.keys())
    groups = {tag.group for tag in tags if tag.group & 0xFF01 == 0x6000}
    return any((group << 16 | 0x3000) not in dataset for group in groups)


@dataclass
class _One:
    """The work on one instance."""

    by: Deidentifier
    sop_class: str
    person: str
    words: frozenset[str]
    actions: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    unreadable: int = 0
    pseudonym: str = field(init=False)
    offset: timedelta = field(init=False)

    def __post_init__(self) -> None:
        self.pseudonym = self.by.pseudonyms.patient(self.person)
        self.offset = self.by.pseudonyms.offset(self.person)

    def level(self, dataset: Dataset, path: tuple[str, ...]) -> Dataset:
        """Return a data set, or an item, with what may be told of it."""
        made = Dataset()
        for tag in sorted(dataset.keys()):
            try:
                element = dataset[tag]
                _ = element.value
            except Exception:  # a damaged element can raise almost anything
                self.unreadable += 1
                continue
            kept = self._element(dataset, element, path)
            if kept is None:
                self.actions["X"] += 1
            else:
                made[tag] = kept
        return made

    def _element(self, dataset: Dataset, element: DataElement, path: tuple[str, ...]) -> DataElement | None:
        tag = element.tag
        if tag.element == 0 or tag.group in (0x0000, 0x0002, 0x0004):
            return None
        if tag == _CHARACTER_SET:  # all is written in UTF-8
            return None
        if tag.group & 1:
            return self._private(dataset, element)
        if tag.group & 0xFF00 in (0x5000, 0x6000):  # what is drawn can be writing; whole groups go
            return None
        if tag in _PIXELS:
            return _copy(element, element.value)
        said = self.by.profile.said_of(tag, self.by.options)
        keyword = element.keyword
        if said is None:
            return self._not_in_table(element, path)
        kind = attribute_type(self.sop_class, path, keyword)
        return self._done(element, resolved(said, kind), path)

    def _not_in_table(self, element: DataElement, path: tuple[str, ...]) -> DataElement | None:
        """Do what is safe with an attribute that the table does not name: most are kept, if they mention nobody."""
        if not element.keyword:  # neither this version of the dictionary nor the table knows it
            return None
        kind = attribute_type(self.sop_class, path, element.keyword)
        if element.VR == "PN":
            return self._done(element, resolved("X/Z/D", kind), path)
        if element.VR in ("DA", "DT"):
            if Option.FULL_DATES in self.by.options:
                return self._done(element, "K", path)
            modified = Option.MODIFIED_DATES in self.by.options
            return self._done(element, "C" if modified else resolved("X/Z/D", kind), path)
        if element.VR in _DESCRIBED and element.keyword.endswith(_DESCRIBING):
            cleaning = Option.CLEAN_DESCRIPTORS in self.by.options
            return self._done(element, "C" if cleaning else resolved("X/Z/D", kind), path)
        if element.VR in _LONG_TEXTS:
            return self._done(element, resolved("X/Z/D", kind or "3"), path)
        if element.VR == "UI" and int(element.tag) not in _NO_INSTANCE and Option.UIDS not in self.by.options:
            return self._done(element, "U", path)
        return self._done(element, "K", path)

    def _private(self, dataset: Dataset, element: DataElement) -> DataElement | None:
        if Option.SAFE_PRIVATE not in self.by.options:
            return None
        tag = element.tag
        if tag.is_private_creator:
            return _copy(element, element.value) if self._has_safe(dataset, tag) else None
        creator = creator_of(dataset, tag)
        return _copy(element, element.value) if is_safe(creator, tag, element.VR) else None

    def _has_safe(self, dataset: Dataset, creator: BaseTag) -> bool:
        tags = tuple(dataset.keys())
        block = [
            each for each in tags if each.group == creator.group and each.element >> 8 == creator.element
        ]
        name = str(dataset[creator].value).strip()
        return any(is_safe(name, each, dataset[each].VR) for each in block)

    def _done(self, element: DataElement, action: Action, path: tuple[str, ...]) -> DataElement | None:
        if action not in ("K", "X"):
            self.actions[action] += 1
        if int(element.tag) in (_NAME, _PATIENT_ID) and action in ("D", "Z"):
            return _copy(element, self.pseudonym)
        match action:
            case "X":
                return None
            case "Z":
                return _copy(element, [] if element.VR == "SQ" else None)
            case "D":
                return self._dummy(element, path)
            case "U":
                return (
                    self._items(element, path)
                    if element.VR == "SQ"
                    else _copy(element, self._uids(element.value))
                )
            case "C":
                return self._cleaned(element, path)
            case "K":
                return self._kept(element, path)

    def _kept(self, element: DataElement, path: tuple[str, ...]) -> DataElement | None:
        if element.VR == "SQ":
            return self._items(element, path)
        if element.VR == "AS":
            return _copy(element, _each(element, blurred_age))
        if element.VR in _TEXTS and any(mentions(text, self.words) for text in texts_of(element.value)):
            self.actions["D"] += 1
            return _copy(element, dummy(element.VR))
        return _copy(element, element.value)

    def _items(self, element: DataElement, path: tuple[str, ...]) -> DataElement:
        below = (*path, element.keyword)
        if int(element.tag) in _STRUCTURED:
            return _copy(element, [self._content_item(item, below) for item in element.value])
        items = [self.level(item, below) for item in element.value]
        for item in items:
            self._check_code(item)
        return _copy(element, items)

    def _check_code(self, item: Dataset) -> None:
        """Give a code of the site's own no more words than are safe; those of known schemes are as they are."""
        if "CodeMeaning" in item and not structured.is_known_scheme(text(item, "CodingSchemeDesignator")):
            item.CodeMeaning = cleaned(text(item, "CodeMeaning")) or "Removed"

    def _content_item(self, item: Dataset, path: tuple[str, ...]) -> Dataset:
        made = self.level(item, path)
        for keyword in structured.VALUES:
            if keyword in item:
                kept = self._content_value(item[keyword])
                if kept is not None:
                    made[kept.tag] = kept
        self._check_code(made)
        return made

    def _content_value(self, element: DataElement) -> DataElement | None:
        """Return the value of a content item: a text is not told, whatever it says (PS3.15 E.3.4)."""
        if element.VR in _WHEN:
            said = self.by.profile.said_of(element.tag, self.by.options) or "D"
            return self._done(element, resolved(said, "1"), ())
        if element.VR == "UI":
            return self._done(element, "K" if Option.UIDS in self.by.options else "U", ())
        self.actions["C"] += 1
        return _copy(element, dummy(element.VR))

    def _cleaned(self, element: DataElement, path: tuple[str, ...]) -> DataElement | None:
        if element.VR == "SQ":
            kept = self._items(element, path)
            for item in kept.value:
                structured.drop_local_codes(item)
            return kept
        if element.VR in _WHEN:
            return self._shifted(element, path)
        if element.VR in _TEXTS:
            values = [cleaned(each) for each in texts_of(element.value)]
            values = ["" if mentions(each, self.words) else each for each in values]
            kind = attribute_type(self.sop_class, path, element.keyword)
            if any(values):
                return _copy(element, values if len(values) > 1 else values[0])
            if kind is None or kind.startswith("1"):
                return _copy(element, dummy(element.VR))
            return _copy(element, None) if kind.startswith("2") else None
        return self._dummy(element, path)

    def _shifted(self, element: DataElement, path: tuple[str, ...]) -> DataElement | None:
        if element.VR == "TM" or element.value in (None, ""):
            return _copy(element, element.value)
        move = shifted_date if element.VR == "DA" else shifted_date_time
        values = [move(each, self.offset) for each in texts_of(element.value)]
        if all(values):
            return _copy(element, values if len(values) > 1 else values[0])
        kind = attribute_type(self.sop_class, path, element.keyword)
        return self._done(element, resolved("X/Z/D", kind), path)

    def _dummy(self, element: DataElement, path: tuple[str, ...]) -> DataElement:
        if element.VR != "SQ":
            return _copy(element, dummy(element.VR) if element.VR != "UI" else self._uids(element.value))
        tag = int(element.tag)
        if tag in _STRUCTURED:
            return _copy(element, [structured.content_removed()] if path == () else [])
        if tag == _GRAPHICS:
            below = (*path, element.keyword)
            return _copy(
                element, [structured.graphics_removed(self.level(each, below)) for each in element.value]
            )
        return _copy(element, [self._dummy_item(item, (*path, element.keyword)) for item in element.value])

    def _dummy_item(self, item: Dataset, path: tuple[str, ...]) -> Dataset:
        if "CodeMeaning" in item:
            return dummy_code()
        made = self.level(item, path)
        for element in list(made):
            if element.VR == "SQ" and element.value:
                made[element.tag] = _copy(
                    element, [self._dummy_item(each, (*path, element.keyword)) for each in element.value]
                )
            elif element.VR in _TEXTS | {"UR", "UN", "OB"} and element.VR != "CS" and element.value:
                made[element.tag] = _copy(element, dummy(element.VR))
        return made

    def _uids(self, value: Any) -> Any:  # noqa: ANN401 - one or several
        found = [
            each if not each or each.startswith(_STANDARD_UIDS) else self.by.pseudonyms.uid(each)
            for each in texts_of(value)
        ]
        return found if len(found) > 1 else found[0] if found else None


def _copy(element: DataElement, value: Any) -> DataElement:  # noqa: ANN401 - of any representation
    if element.VR == "PN" and value is not None:
        value = texts_of(value)
        value = value if len(value) > 1 else value[0] if value else None
    return DataElement(element.tag, element.VR, value)


def _each(element: DataElement, change: Any) -> Any:  # noqa: ANN401 - one or several
    values = [change(each) for each in texts_of(element.value)]
    return values if len(values) > 1 else values[0] if values else None
