"""Findings become a preliminary report, in words and in files. Renders findings; computes nothing."""

from firstread.reports.draft import ReportText, draft
from firstread.reports.fhir import write_fhir
from firstread.reports.html import write_html
from firstread.reports.impression import draft_impression
from firstread.reports.patient import PatientLine
from firstread.reports.pdf import write_pdf
from firstread.texts import Lang

__all__ = [
    "Lang",
    "PatientLine",
    "ReportText",
    "draft",
    "draft_impression",
    "write_fhir",
    "write_html",
    "write_pdf",
]
