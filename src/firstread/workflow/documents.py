"""The documents of a result: each a rendering of the same findings, none computes any."""

import threading
from datetime import datetime
from importlib import import_module
from pathlib import Path

from pydicom.dataset import Dataset

from firstread.dicom.encapsulated_pdf import build_encapsulated_pdf
from firstread.dicom.key_image import KeyImage, key_images
from firstread.dicom.quiet import quiet
from firstread.dicom.seg import build_seg
from firstread.dicom.sr import build_sr
from firstread.dicom.volume import Volume
from firstread.findings import ReadResult
from firstread.progress import Progress, silent
from firstread.reports import Lang, PatientLine, write_fhir, write_html, write_pdf

_LOADED_LATE = (
    "firstread.dicom.measurement_groups",
    "firstread.reports.pdf_sections",
    "firstread.reports.fhir.bundle",
)
"""What the renderings import when they are first called; highdicom, fpdf2 and fhir.resources take a second."""


def load_ahead() -> threading.Thread:
    """Load the renderings' libraries beside what runs: a read spends its time in networks, which leave Python idle."""
    thread = threading.Thread(target=lambda: [import_module(name) for name in _LOADED_LATE], daemon=True)
    thread.start()
    return thread


def write_documents(
    folder: Path,
    result: ReadResult,
    volume: Volume,
    *,
    lang: Lang = "en",
    progress: Progress = silent,
) -> None:
    """Write every file of a result but `result.json`.

    Args:
        folder: Where to; exists.
        result: The read, with its masks and its impression.
        volume: The series that was read.
        lang: Language of the report.
        progress: Called with the stage "report" after each document.
    """
    created = datetime.now().astimezone()
    patient = PatientLine.from_header(volume.header)

    seg = build_seg(result, volume, created=created)
    if seg is not None:
        _save(seg, folder / "seg.dcm")
    progress("report", 0.3)
    _save(build_sr(result, volume, seg=seg, created=created), folder / "sr.dcm")
    progress("report", 0.4)
    pictures = key_images(result, volume, created=created)
    for picture in pictures:
        _save_picture(picture, folder)
    progress("report", 0.6)
    shown = {picture.finding_id: picture.png for picture in pictures}
    write_html(result, folder / "report.html", issued=created, lang=lang, key_images=shown, patient=patient)
    progress("report", 0.7)
    write_pdf(result, folder / "report.pdf", issued=created, lang=lang, key_images=shown, patient=patient)
    pdf = (folder / "report.pdf").read_bytes()
    _save(build_encapsulated_pdf(result, volume, pdf, lang=lang, created=created), folder / "report.dcm")
    progress("report", 0.9)
    write_fhir(result, folder / "report.fhir.json", issued=created, lang=lang, patient=patient)


def _save_picture(picture: KeyImage, folder: Path) -> None:
    (folder / f"{picture.stem}.png").write_bytes(picture.png)
    _save(picture.dataset, folder / f"{picture.stem}.dcm")


def _save(dataset: Dataset, path: Path) -> None:
    with quiet():
        dataset.save_as(path, enforce_file_format=True)
