"""The strip at the top of a report: patient, order and study as labelled values."""

from firstread.findings import ReadResult
from firstread.reports import figures
from firstread.reports.patient import PatientLine
from firstread.reports.wording import Wording

SEXES = {"M": "patient.male", "F": "patient.female", "O": "patient.other"}


def patient_fields(
    result: ReadResult, words: Wording, patient: PatientLine | None
) -> tuple[tuple[str, str], ...]:
    """Return (label, value) pairs; without a patient, those of the study alone."""
    unknown = words("patient.unknown")
    taken = result.acquisition
    fields = []
    if patient is not None:
        born = figures.day(patient.birth_date, words) if patient.birth_date else unknown
        fields += [
            ("name", patient.spoken_name(words.lang) or unknown),
            ("id", figures.clean(patient.id, 64) or unknown),
            ("birth_date", born),
            ("sex", words(SEXES[patient.sex]) if patient.sex in SEXES else unknown),
            ("accession", figures.clean(patient.accession, 64) or unknown),
        ]
    fields.append(("study_date", figures.day(taken.study_date, words) if taken.study_date else unknown))
    series = " ".join(
        part
        for part in (
            str(taken.series_number) if taken.series_number is not None else "",
            figures.clean(taken.description, 64),
        )
        if part
    )
    fields.append(("description", series or unknown))
    return tuple((words(f"patient.{key}"), value) for key, value in fields)
