"""A signed report as PDF: its sections as the person left them, the findings that stand, who signed and when."""

from collections.abc import Mapping
from dataclasses import replace

from firstread.findings import ReadResult
from firstread.reports import figures
from firstread.reports.draft import draft
from firstread.reports.patient import PatientLine
from firstread.reports.patient_fields import patient_fields
from firstread.reports.pdf_pages import Pages
from firstread.reports.pdf_sections import (
    print_category,
    print_patient,
    print_provenance,
    print_table,
    printed,
)
from firstread.reports.rows import rows
from firstread.reports.signed import ORDER, SignatureLine, SignedReport
from firstread.reports.wording import Wording, wording


def signed_pdf(
    stands: ReadResult,
    signed: SignedReport,
    *,
    key_images: Mapping[str, bytes],
    patient: PatientLine | None,
) -> bytes:
    """Return the document; the same arguments give the same bytes.

    Args:
        stands: The result with the findings that stand.
        signed: What was signed.
        key_images: PNG bytes by finding id; what is not PNG is left out.
        patient: Who the patient is; None leaves the patient out.
    """
    words, signer = wording(signed.lang), signed.signer
    moment = figures.moment(signer.at, words)
    name = figures.clean(signer.name, 60)
    text = replace(
        draft(stands, signed.lang, review=signed.review),
        title=words(f"signed.title_{signed.kind}"),
        notice=words("signed.notice", name=name),
        notice_long=words("signed.notice_long", name=name, moment=moment),
    )
    table = rows(stands, words, key_images, signed.review)
    strip = patient_fields(stands, words, patient)
    said = [*signed.sections.values(), *(one.text for one in signed.addenda), signed.amends]
    said += [one.name for one in signed.signatures]
    pages = Pages(
        text,
        words,
        strip,
        signer.at,
        foreign=[*printed(text, table, strip), *said],
        issued_line=signature_line(signer, words),
        subject=words("signed.subject"),
    )
    pages.add_page()
    print_patient(pages, strip)
    if stands.category is not None:
        pages.set_y(pages.get_y() + 3)
        print_category(pages, stands.category)
    _addenda(pages, signed)
    for section in ORDER:
        _section(pages, words(f"heading.{section}"), signed.sections.get(section, ""))
    if table:
        pages.heading(words("heading.table"))
        print_table(pages, table)
    if signed.rejected:
        pages.paragraph(words("signed.rejected", ids=words.join(list(signed.rejected))))
    _signatures(pages, signed)
    if text.warnings:
        pages.heading(words("heading.warnings"))
        for warning in text.warnings:
            pages.item("!", warning)
    print_provenance(pages)
    return bytes(pages.output())


def signature_line(signature: SignatureLine, words: Wording) -> str:
    """Say who signed and when: `Signed: Dr A, 1 May 2026 10:00 UTC`."""
    return words(
        "signed.line",
        kind=words(f"signed.{signature.kind}"),
        name=figures.clean(signature.name, 60),
        moment=figures.moment(signature.at, words),
    )


def _section(pages: Pages, heading: str, text: str) -> None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return
    pages.heading(heading)
    for line in lines:
        pages.paragraph(line)


def _addenda(pages: Pages, signed: SignedReport) -> None:
    """Print the newest first, before what it adds to: nobody must miss it."""
    words = pages.words
    for addendum in reversed(signed.addenda):
        line = signature_line(SignatureLine("addendum", addendum.name, addendum.at), words)
        _section(pages, words("heading.addendum"), f"{addendum.text}\n{line}")


def _signatures(pages: Pages, signed: SignedReport) -> None:
    words = pages.words
    pages.heading(words("heading.signature"))
    for signature in signed.signatures:
        pages.item("·", signature_line(signature, words), bold=signature is signed.signer)
    if signed.amends:
        pages.paragraph(words("signed.amends", reason=figures.clean(signed.amends, 500)))
