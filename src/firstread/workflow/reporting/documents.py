"""The documents of a signature: SR, PDF, FHIR, and the report as JSON; beside them the AI's own result, unchanged."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.dicom.encapsulated_pdf import build_encapsulated_pdf
from firstread.dicom.geometry import Geometry
from firstread.dicom.quiet import quiet
from firstread.dicom.seg import seg_reference
from firstread.dicom.signed_sr import (
    SERIES_NUMBER,
    SignedContent,
    Verification,
    build_signed_sr,
    identify,
)
from firstread.dicom.uids import derive_uid
from firstread.dicom.volume import SourceSlice, Volume
from firstread.errors import FirstreadError
from firstread.findings import Predecessor, ReadResult
from firstread.reports import PatientLine, write_fhir
from firstread.reports.signed import AddendumText, SignatureLine, SignedReport
from firstread.workflow.images import images_of
from firstread.workflow.reporting.content import Content
from firstread.workflow.reporting.signing import Signature
from firstread.workflow.reporting.standing import rejected, review_of, standing
from firstread.workflow.reporting.subject import Subject
from firstread.workflow.result_folder import REPORT_JSON, RESULT_JSON, SEG, SR, load_predecessor
from firstread.workflow.stored_header import stored_header

FHIR, PDF, PDF_OBJECT = "report.fhir.json", "report.pdf", "report.dcm"


@dataclass(frozen=True)
class SignedFacts:
    """All that the documents of a signature follow from.

    Attributes:
        token: What the report's UIDs are made from.
        subject: The study and the result that was signed.
        content: What was signed.
        signature: The signature.
        signatures: All up to it, the oldest first.
    """

    token: str
    subject: Subject
    content: Content
    signature: Signature
    signatures: tuple[Signature, ...]


def write_signed_documents(archive: Archive, folder: Path, facts: SignedFacts) -> None:
    """Write every document of a signature into a folder, `result.json` last.

    Raises:
        FirstreadError: the result's own documents are gone or damaged.
        ArchiveUnavailable: the images cannot be read.
    """
    subject, content = facts.subject, facts.content
    own = archive.folder / subject.folder
    volume = _source(archive, own, subject)
    stands = standing(subject.result, content)
    signed = signed_report(facts)
    at = facts.signature.signed_at.astimezone()
    patient = PatientLine.from_header(volume.header)

    seg = _segmentation(own, subject.result)
    sr = build_signed_sr(
        subject.result,
        volume,
        SignedContent(
            stands=stands,
            review=signed.review,
            by_hand=frozenset(one.finding.id for one in content.added if one.how == "hand"),
            rejected=signed.rejected,
            sections=signed.sections,
            addenda=[one.text for one in signed.addenda],
            lang=content.lang,
        ),
        Verification(
            name=facts.signature.display_name,
            organisation=facts.signature.organisation,
            login=facts.signature.name,
            at=at,
        ),
        seg=seg,
        uid=facts.signature.sr_uid,
        series_uid=_series_uid(facts.token, facts.signature.version, "SR"),
        number=facts.signature.version,
        predecessors=_predecessors(own, facts),
    )
    _save(sr, folder / SR)
    # Loading fpdf2 takes most of a second, which only those who sign should wait for.
    from firstread.reports.signed_pdf import signed_pdf

    pictures = {path.stem.removeprefix("key-"): path.read_bytes() for path in sorted(own.glob("key-*.png"))}
    pdf = signed_pdf(stands, signed, key_images=pictures, patient=patient)
    (folder / PDF).write_bytes(pdf)
    document = build_encapsulated_pdf(subject.result, volume, pdf, lang=content.lang, created=at)
    identify(
        document,
        uid=facts.signature.pdf_uid,
        series_uid=_series_uid(facts.token, facts.signature.version, "PDF"),
        number=facts.signature.version,
    )
    document.SeriesNumber = SERIES_NUMBER + 1
    document.SeriesDescription = "firstread: verified report"
    document.DocumentTitle = f"Verified by {facts.signature.display_name}"[:64]
    document.VerificationFlag = "VERIFIED"
    _save(document, folder / PDF_OBJECT)
    write_fhir(
        stands,
        folder / FHIR,
        issued=facts.signature.signed_at,
        lang=content.lang,
        patient=patient,
        signed=signed,
        own=subject.result,
    )
    (folder / REPORT_JSON).write_text(_as_json(facts, stands), encoding="utf-8")
    shutil.copyfile(own / RESULT_JSON, folder / RESULT_JSON)


def signed_report(facts: SignedFacts) -> SignedReport:
    """Return what the renderings say of a signature."""
    content, result = facts.content, facts.subject.result
    return SignedReport(
        token=facts.token,
        version=facts.signature.version,
        kind=facts.signature.kind,
        lang=content.lang,
        signatures=tuple(
            SignatureLine(each.kind, each.display_name, each.signed_at) for each in facts.signatures
        ),
        organisation=facts.signature.organisation,
        sections={name: section.text for name, section in content.sections.items()},
        review=review_of(result, content),
        rejected={one.id: content.decisions[one.id].reason for one in rejected(result, content)},
        addenda=tuple(AddendumText(one.text, one.name, one.at) for one in content.addenda),
        amends=content.amends,
    )


def _series_uid(token: str, version: int, kind: str) -> str:
    return derive_uid("series of a signed report", token, str(version), kind)


def _predecessors(own: Path, facts: SignedFacts) -> list[Predecessor]:
    """Return the AI's own report, and the one that was signed before."""
    found = [load_predecessor(own)]
    before = [each for each in facts.signatures if each.key == facts.signature.predecessor]
    found += [
        Predecessor(
            study_uid=facts.subject.study_uid,
            series_uid=_series_uid(facts.token, each.version, "SR"),
            sop_instance_uid=each.sr_uid,
        )
        for each in before
    ]
    return found


def _source(archive: Archive, own: Path, subject: Subject) -> Volume:
    """Return the series that was read, without its voxels: what the AI's report refers to, and a header of it."""
    result = subject.result
    try:
        with quiet():
            report = dcmread(own / SR)
            evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
            (series,) = (one for one in evidence if one.SeriesInstanceUID == result.series_uid)
            images = [
                (str(one.ReferencedSOPInstanceUID), str(one.ReferencedSOPClassUID))
                for one in series.ReferencedSOPSequence
            ]
    except Exception as problem:  # whatever a damaged file provokes in a parser
        raise FirstreadError(
            f"{SR} of the result cannot be used: {type(problem).__name__}.",
            remedy="Restore the result folder from a backup.",
        ) from problem
    with reading(archive.engine) as connection:
        names = images_of(connection, subject.study_key, result.series_uid).files
    header = stored_header(archive, names)
    headers = []
    for _, sop_class in images:
        headers.append(Dataset())
        headers[-1].SOPClassUID = sop_class
    header.SOPClassUID = images[0][1]
    shape = result.grid.shape if result.grid is not None else (len(images), 1, 1)
    return Volume(
        hu=np.empty((0, 0, 0), np.int16),
        geometry=Geometry(shape=shape, affine=np.eye(4)),
        sources=tuple(SourceSlice(uid, None, float(n)) for n, (uid, _) in enumerate(images)),
        headers=(header, *headers[1:]),
    )


def _segmentation(own: Path, result: ReadResult) -> Dataset | None:
    path = own / SEG
    if not path.is_file():
        return None
    with quiet():
        return seg_reference(dcmread(path, defer_size=1024), result)


def _as_json(facts: SignedFacts, stands: ReadResult) -> str:
    """Return the report for programs: what was signed, by whom, and the findings that stand."""
    return (
        json.dumps(
            {
                "schema_version": "1",
                "report": facts.token,
                "study_uid": facts.subject.study_uid,
                "version": facts.signature.version,
                "kind": facts.signature.kind,
                "signatures": [
                    {
                        "version": each.version,
                        "kind": each.kind,
                        "name": each.display_name,
                        "organisation": each.organisation,
                        "signed_at": each.signed_at.isoformat(),
                        "sr_uid": each.sr_uid,
                        "pdf_uid": each.pdf_uid,
                    }
                    for each in facts.signatures
                ],
                "content": facts.content.model_dump(mode="json"),
                "stands": stands.model_dump(mode="json"),
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )


def _save(dataset: Dataset, path: Path) -> None:
    with quiet():
        dataset.save_as(path, enforce_file_format=True)
