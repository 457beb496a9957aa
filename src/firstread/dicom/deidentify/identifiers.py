"""The words by which an object tells who its patient is, to be looked for where nobody expects them."""

import re
from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from firstread.dicom.deidentify.dummies import texts_of
from firstread.dicom.deidentify.vocabulary import is_common

_IDENTIFYING = (
    "PatientID",
    "OtherPatientIDs",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientBirthDate",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "AccessionNumber",
    "AdmissionID",
    "MedicalRecordLocator",
    "MilitaryRank",
    "StudyID",
    "FillerOrderNumberImagingServiceRequest",
    "PlacerOrderNumberImagingServiceRequest",
    "PersonAddress",
    "PersonTelephoneNumbers",
    "ResponsibleOrganization",
    "CountryOfResidence",
    "RegionOfResidence",
)
_TAGS = frozenset(int(Tag(keyword)) for keyword in _IDENTIFYING)
_LEAST_LETTERS = 3
_LEAST_DIGITS = 4
_LEAST_WITHIN = 4
"""Characters of what is found within other words too: a shorter name is in too many."""
_WORD = re.compile(r"[^\W_]+")
_SPLIT = re.compile(r"[\s^=,;/\\]+")


def identifying_words(dataset: Dataset) -> frozenset[str]:
    """Return the names and numbers of persons in a data set and its sequences, in lower case.

    Words that any report has (`vocabulary.is_common`) are not among them, nor is what is too short to mean anybody.
    """
    words: set[str] = set()
    for element in _elements(dataset):
        if element.VR == "PN":
            words.update(part for text in texts_of(element.value) for part in _SPLIT.split(text.lower()))
        elif int(element.tag) in _TAGS:
            words.update(text.lower().strip() for text in texts_of(element.value))
    return frozenset(word for word in words if _tells(word))


def mentions(text: str, words: Iterable[str]) -> bool:
    """Tell whether a text holds one of the words, whatever its case."""
    folded = text.lower()
    within = set(_WORD.findall(folded))
    return any(word in within or (len(word) >= _LEAST_WITHIN and word in folded) for word in words)


def _tells(word: str) -> bool:
    least = _LEAST_DIGITS if word.isdigit() else _LEAST_LETTERS
    if not word.isascii():
        least = 2  # one character can be a syllable
    return len(word) >= least and not is_common(word) and word.strip("0*.-_x") != ""


def _elements(dataset: Dataset):  # type: ignore[no-untyped-def] # noqa: ANN202
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # a damaged element is not copied either
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _elements(item)
        else:
            yield element
