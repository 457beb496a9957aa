"""The report as a FHIR R4 Bundle."""

from datetime import datetime
from pathlib import Path

from firstread.findings import ReadResult
from firstread.reports.patient import PatientLine
from firstread.reports.signed import SignedReport
from firstread.texts import Lang


def write_fhir(
    result: ReadResult,
    path: Path,
    *,
    issued: datetime,
    lang: Lang = "en",
    patient: PatientLine | None = None,
    signed: SignedReport | None = None,
    own: ReadResult | None = None,
) -> None:
    """Write the report as a FHIR R4 Bundle in JSON; the same result and moment give the same bytes.

    Args:
        result: What was read.
        path: The file to write.
        issued: When the report was drafted; taken as UTC where it has no time zone.
        lang: Language of the report's text; codes and their displays stay English.
        patient: Who the patient is; None leaves the patient out.
        signed: What a person signed; None: the report is the software's alone. `result` then has the findings that
            stand.
        own: The software's own result, for what a person corrected.
    """
    # fhir.resources takes half a second to load, and only this file needs it.
    from firstread.reports.fhir.bundle import bundle

    document = bundle(result, issued=issued, lang=lang, patient=patient, signed=signed, own=own)
    path.write_text(document.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
