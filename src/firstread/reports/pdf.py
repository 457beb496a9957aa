"""The report as PDF: A4, our own fonts, the notice on every page."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from firstread.findings import ReadResult
from firstread.reports.patient import PatientLine
from firstread.texts import Lang


def write_pdf(
    result: ReadResult,
    path: Path,
    *,
    issued: datetime,
    lang: Lang = "en",
    key_images: Mapping[str, bytes] | None = None,
    patient: PatientLine | None = None,
) -> None:
    """Write the report as PDF; the same result and moment give the same bytes.

    Args:
        result: What was read.
        path: The file to write.
        issued: When the report was drafted; also the file's creation date.
        lang: Language of the report.
        key_images: PNG bytes by finding id; what is not PNG is left out.
        patient: Who the patient is; None leaves the patient out.
    """
    # Loading fpdf2 takes most of a second, which only those who print should wait for.
    from firstread.reports.pdf_sections import pdf

    path.write_bytes(pdf(result, issued=issued, lang=lang, key_images=key_images or {}, patient=patient))
