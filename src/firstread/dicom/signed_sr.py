"""A signed report as a DICOM Comprehensive 3D SR: TID 1500, verified by a person (PS3.3 C.17.2).

Who says what stays apart: each measurement group names its observer (PS3.16 TID 1002), the person or the device, and
says how the person reviewed it. Of a finding that the person corrected both statements are there, under the same
tracking UID. The AI's own report is the predecessor, and stays in the archive.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import UID, Comprehensive3DSRStorage

from firstread.dicom.coded import LOCAL_SCHEME
from firstread.dicom.derived_object import derived_object
from firstread.dicom.device import MANUFACTURER, device_serial, device_uid
from firstread.dicom.quiet import quiet
from firstread.dicom.result_codes import CT_CHEST
from firstread.dicom.sr import evidence, image_library, predecessor_item
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, Code, Finding, Predecessor, ReadResult

SERIES_NUMBER = 9911
NOT_GIVEN = "not given"
REVIEW = Code(value="review", scheme=LOCAL_SCHEME, meaning="Review by radiologist")
REVIEWS = {
    name: Code(value=f"review-{name}", scheme=LOCAL_SCHEME, meaning=meaning)
    for name, meaning in (
        ("accepted", "Accepted"),
        ("edited", "Corrected"),
        ("added", "Added by radiologist"),
        ("unreviewed", "Not reviewed"),
    )
}
SECTION_CODES = {
    "indication": Code(value="121109", scheme="DCM", meaning="Indications for Procedure"),
    "technique": Code(value="121065", scheme="DCM", meaning="Procedure Description"),
    "comparison": Code(value="111424", scheme="DCM", meaning="Comparison to previous studies"),
    "findings": Code(value="121071", scheme="DCM", meaning="Finding"),
    "impression": Code(value="121073", scheme="DCM", meaning="Impression"),
    "recommendation": Code(value="121075", scheme="DCM", meaning="Recommendation"),
    "addendum": Code(value="55107-7", scheme="LN", meaning="Addendum"),
}
_LANGUAGES = {"en": ("en-US", "English (United States)"), "zh": ("zh-CN", "Chinese (China)")}
_PERSON_NAME = 64  # PS3.5 section 6.2: characters of a component group of PN
_ORGANISATION = 64  # LO


@dataclass(frozen=True)
class Verification:
    """Who answers for the report: name and organisation of the person, login name, and when it was signed."""

    name: str
    organisation: str
    login: str
    at: datetime


@dataclass(frozen=True)
class SignedContent:
    """What the report says beside the AI's result.

    Attributes:
        stands: The result with the findings that stand.
        review: accepted, edited, added or unreviewed, by the finding's id.
        by_hand: Ids of added findings that no software measured.
        rejected: Reasons by the id of the AI's finding.
        sections: Text by section.
        addenda: Texts, the oldest first.
        lang: Language of the texts.
    """

    stands: ReadResult
    review: Mapping[str, str]
    by_hand: frozenset[str]
    rejected: Mapping[str, str]
    sections: Mapping[str, str]
    addenda: Sequence[str]
    lang: str


def build_signed_sr(
    result: ReadResult,
    volume: Volume,
    content: SignedContent,
    verification: Verification,
    *,
    seg: Dataset | None,
    uid: str,
    series_uid: str,
    number: int,
    predecessors: Sequence[Predecessor],
) -> Dataset:
    """Return the signed measurement report.

    Args:
        result: The AI's read.
        volume: The series that was read; its voxels do not matter.
        content: What was signed.
        verification: By whom and when.
        seg: The read's segmentation.
        uid: SOP Instance UID.
        series_uid: Of the series, which has this report alone.
        number: Of the instance.
        predecessors: The reports that this one takes the place of: the AI's, and what was signed before.
    """
    with quiet():
        dataset = derived_object(
            result,
            volume,
            sop_class=Comprehensive3DSRStorage,
            modality="SR",
            kind="signed report",
            series_number=SERIES_NUMBER,
            created=verification.at,
        )
        identify(dataset, uid=uid, series_uid=series_uid, number=number)
        dataset.SeriesDescription = "firstread: verified report"
        dataset.CompletionFlag = "COMPLETE"
        dataset.VerificationFlag = "VERIFIED"
        dataset.PreliminaryFlag = "FINAL"
        dataset.VerifyingObserverSequence = [_verifying(verification)]
        dataset.AuthorObserverSequence = [_author(verification), _device_author(result)]
        dataset.ReferencedPerformedProcedureStepSequence = []
        dataset.PerformedProcedureCodeSequence = []
        dataset.CurrentRequestedProcedureEvidenceSequence = [evidence(result, volume, seg)]
        dataset.PredecessorDocumentsSequence = [predecessor_item(each) for each in predecessors]
        report = _report(result, volume, content, verification, seg)
        for element in report:
            dataset[element.tag] = element
        items = list(report.ContentSequence)
        before = next(
            i for i, item in enumerate(items) if item.ConceptNameCodeSequence[0].get("CodeValue") == "126010"
        )
        items.insert(before, image_library(result, volume))
        dataset.ContentSequence = ItemSequence(items)
        return dataset


def identify(dataset: Dataset, *, uid: str, series_uid: str, number: int) -> None:
    """Give a result object the identity of a signed document, and a character set for every name there is."""
    dataset.SOPInstanceUID = uid
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.SeriesInstanceUID = series_uid
    dataset.InstanceNumber = number
    dataset.SpecificCharacterSet = "ISO_IR 192"


def person_name(text: str) -> str:
    """Return a name as DICOM writes it (PN), in one component: how people write theirs tells no parts."""
    return re.sub(r"[\\^=\s]+", " ", text).strip()[:_PERSON_NAME] or NOT_GIVEN


def _verifying(by: Verification) -> Dataset:
    item = Dataset()
    item.VerifyingOrganization = by.organisation[:_ORGANISATION] or NOT_GIVEN
    item.VerificationDateTime = by.at.strftime("%Y%m%d%H%M%S%z")
    item.VerifyingObserverName = person_name(by.name)
    item.VerifyingObserverIdentificationCodeSequence = []
    return item


def _author(by: Verification) -> Dataset:
    item = Dataset()
    item.ObserverType = "PSN"
    item.PersonName = person_name(by.name)
    item.PersonIdentificationCodeSequence = []
    item.InstitutionName = by.organisation[:_ORGANISATION]
    item.InstitutionCodeSequence = []
    return item


def _device_author(result: ReadResult) -> Dataset:
    item = Dataset()
    item.ObserverType = "DEV"
    item.StationName = "FIRSTREAD"
    item.DeviceUID = device_uid(result)
    item.Manufacturer = MANUFACTURER
    item.ManufacturerModelName = result.reader.name[:64]
    item.InstitutionName = None
    item.InstitutionCodeSequence = []
    return item


def _report(
    result: ReadResult,
    volume: Volume,
    content: SignedContent,
    verification: Verification,
    seg: Dataset | None,
) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    person = hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept.from_code(codes.cid270.Person),
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(
            name=person_name(verification.name),
            login_name=verification.login or None,
            organization_name=verification.organisation or None,
        ),
    )
    device = hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept.from_code(codes.cid270.Device),
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=device_uid(result),
            name=f"{MANUFACTURER} {result.reader.name}: {NOTICE}",
            manufacturer_name=MANUFACTURER,
            model_name=result.reader.name,
            serial_number=device_serial(result),
        ),
    )
    language, meaning = _LANGUAGES[content.lang]
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(
            observer_person_context=person, observer_device_context=device
        ),
        procedure_reported=hd.sr.CodedConcept(CT_CHEST.value, CT_CHEST.scheme, CT_CHEST.meaning),
        imaging_measurements=_groups(result, volume, content, person, device, seg),
        language_of_content_item_and_descendants=hd.sr.LanguageOfContentItemAndDescendants(
            hd.sr.CodedConcept(language, "RFC5646", meaning)
        ),
    )
    root: Dataset = report[0]
    return root


def _groups(
    result: ReadResult,
    volume: Volume,
    content: SignedContent,
    person: Sequence[Dataset],
    device: Sequence[Dataset],
    seg: Dataset | None,
) -> list[Any]:
    from firstread.dicom.measurement_groups import nodule_group, signed_study_group, structure_group

    texts = [
        (code, content.sections.get(name, ""))
        for name, code in SECTION_CODES.items()
        if content.sections.get(name, "").strip()
    ]
    texts += [(SECTION_CODES["addendum"], text) for text in content.addenda]
    comments = [
        f"{name}: finding of the AI rejected by the radiologist: {reason}"
        for name, reason in content.rejected.items()
    ]
    groups = [_observed(signed_study_group(content.stands, texts, comments), person)]
    found = {finding.id: finding for finding in result.findings}
    for finding in content.stands.findings:
        review = content.review.get(finding.id, "unreviewed")
        said = (REVIEW, REVIEWS[review])
        if review in ("accepted", "unreviewed", "edited"):
            own = found[finding.id] if review == "edited" else finding
            groups.append(_observed(nodule_group(own, result, volume, seg=seg, said=said), device))
        if review in ("edited", "added"):
            measured = review == "added" and finding.id not in content.by_hand
            theirs = nodule_group(
                _of_a_person(finding, measured=measured), result, volume, seg=None, said=said, by_person=True
            )
            groups.append(_observed(theirs, person))
    if seg is not None:
        groups += [
            _observed(structure_group(one, result, volume, seg=seg), device) for one in result.structures
        ]
    return groups


def _of_a_person(finding: Finding, *, measured: bool) -> Finding:
    """Return what a person says of a finding; scores and densities are the software's unless it measured for them."""
    if measured:
        return finding
    return finding.model_copy(update={"measurements": (), "attributes": ()})


def _observed(group: Any, observer: Sequence[Dataset]) -> Any:  # noqa: ANN401 - one of highdicom's groups
    """Say in a measurement group who observed what is in it."""
    container = group[0]
    context = [deepcopy(item) for item in observer]
    container.ContentSequence = ItemSequence([*context, *container.ContentSequence])
    return group
