"""The documents of a result: each a rendering of the same findings, none computes any."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from firstread.dicom.encapsulated_pdf import build_encapsulated_pdf
from firstread.dicom.key_image import KeyImage, key_images
from firstread.dicom.quiet import quiet
from firstread.dicom.seg import build_seg, seg_reference
from firstread.dicom.source_planes import sop_class_uid
from firstread.dicom.sr import build_sr
from firstread.dicom.volume import Volume
from firstread.findings import ReadResult
from firstread.progress import Progress, silent
from firstread.reports import Lang, PatientLine, write_fhir, write_html, write_pdf
from firstread.workflow.beside import Beside


def write_documents(
    folder: Path,
    result: ReadResult,
    volume: Volume,
    other: Beside,
    *,
    lang: Lang = "en",
    progress: Progress = silent,
) -> None:
    """Write every file of a result but `result.json`; voxels are written here, text by the process beside.

    Args:
        folder: Where to; exists.
        result: The read, with its masks and its impression.
        volume: The series that was read.
        other: Writes some of them meanwhile; ends before this returns.
        lang: Language of the report.
        progress: Called with the stage "report" after each document.
    """
    created = datetime.now().astimezone()
    told = {"issued": created, "lang": lang, "patient": PatientLine.from_header(volume.header)}
    words = _without_lungs(result)
    other.begin(write_fhir, words, folder / "report.fhir.json", **told)
    seg = build_seg(result, volume, created=created)
    progress("report", 0.2)
    brief = _without_voxels(volume)
    other.begin(_write_sr, words, brief, seg and seg_reference(seg, result), created, folder)
    pictures = key_images(result, volume, created=created)
    progress("report", 0.4)
    shown = {picture.finding_id: picture.png for picture in pictures}
    other.begin(write_html, words, folder / "report.html", key_images=shown, **told)
    other.begin(_write_pdf, words, brief, folder, key_images=shown, **told)
    if seg is not None:
        _save(seg, folder / "seg.dcm")
    for picture in pictures:
        _save_picture(picture, folder)
    progress("report", 0.7)
    other.finish()
    progress("report", 0.9)


def _write_sr(
    result: ReadResult, volume: Volume, seg: Dataset | None, created: datetime, folder: Path
) -> None:
    _save(build_sr(result, volume, seg=seg, created=created), folder / "sr.dcm")


def _write_pdf(
    result: ReadResult,
    volume: Volume,
    folder: Path,
    *,
    issued: datetime,
    lang: Lang,
    patient: PatientLine,
    key_images: Mapping[str, bytes],
) -> None:
    path = folder / "report.pdf"
    write_pdf(result, path, issued=issued, lang=lang, key_images=key_images, patient=patient)
    pdf = build_encapsulated_pdf(result, volume, path.read_bytes(), lang=lang, created=issued)
    _save(pdf, folder / "report.dcm")


def _without_lungs(result: ReadResult) -> ReadResult:
    """Return the result without the masks of structures; those of findings are small, and part of its identity."""
    structures = tuple(one.model_copy(update={"mask": None}) for one in result.structures)
    return result.model_copy(update={"structures": structures})


def _without_voxels(volume: Volume) -> Volume:
    """Return what a document without pictures needs to know of a volume: where it is from."""
    first, *rest = volume.headers
    brief = []
    for header in rest:
        brief.append(Dataset())
        brief[-1].SOPClassUID = sop_class_uid(header)
    return replace(volume, hu=np.empty((0, 0, 0), np.int16), headers=(first, *brief))


def _save_picture(picture: KeyImage, folder: Path) -> None:
    (folder / f"{picture.stem}.png").write_bytes(picture.png)
    _save(picture.dataset, folder / f"{picture.stem}.dcm")


def _save(dataset: Dataset, path: Path) -> None:
    with quiet():
        dataset.save_as(path, enforce_file_format=True)
