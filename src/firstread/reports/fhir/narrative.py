"""The report's text as the XHTML that FHIR resources carry."""

from html import escape

from firstread.reports import figures
from firstread.reports.draft import ReportText
from firstread.reports.fhir.coding import Json
from firstread.reports.signed import ORDER, SignedReport
from firstread.reports.wording import Wording


def narrative(text: ReportText, words: Wording) -> Json:
    """Return the Narrative of the whole report: no styles, no links, nothing active."""
    language = words("document.language")
    parts = [
        f'<div xmlns="http://www.w3.org/1999/xhtml" lang="{language}" xml:lang="{language}">',
        f"<p><b>{escape(text.notice)}</b></p>",
        f"<p>{escape(text.notice_long)}</p>",
    ]
    for heading, lines in (
        ("impression", text.impression),
        ("findings", text.findings),
        ("comparison", (text.comparison,)),
        ("technique", (text.technique,)),
        ("warnings", text.warnings),
        ("limits", text.limits),
    ):
        if lines:
            parts.append(f"<h3>{escape(words(f'heading.{heading}'))}</h3>")
            parts += [f"<p>{escape(line)}</p>" for line in lines]
    return {"status": "generated", "div": "".join([*parts, "</div>"])}


def signed_narrative(signed: SignedReport, words: Wording) -> Json:
    """Return the Narrative of a signed report: its sections, its addenda, who signed."""
    language = words("document.language")
    signer = signed.signer
    said = words("signed.notice_long", name=signer.name, moment=figures.moment(signer.at, words))
    parts = [
        f'<div xmlns="http://www.w3.org/1999/xhtml" lang="{language}" xml:lang="{language}">',
        f"<p><b>{escape(said)}</b></p>",
    ]
    for name in ORDER:
        lines = [line for line in signed.sections.get(name, "").splitlines() if line.strip()]
        if lines:
            parts.append(f"<h3>{escape(words(f'heading.{name}'))}</h3>")
            parts += [f"<p>{escape(line)}</p>" for line in lines]
    for addendum in signed.addenda:
        parts.append(f"<h3>{escape(words('heading.addendum'))}</h3>")
        parts += [f"<p>{escape(line)}</p>" for line in addendum.text.splitlines() if line.strip()]
    return {"status": "generated", "div": "".join([*parts, "</div>"])}
