"""Which scans of a folder are measured on: DICOM studies matched with what readers marked in them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from firstread.dicom.discover import open_study
from firstread.dicom.frames import CT_CLASSES
from firstread.dicom.header import text
from firstread.dicom.parse import looks_like_dicom
from firstread.dicom.series import Series, Study
from firstread.errors import FirstreadError, NothingReadable, UsageError
from firstread.evaluation.annotations import ANNOTATIONS_JSON, Truth, read_annotations, read_luna16
from firstread.progress import Progress, silent


@dataclass(frozen=True)
class AnnotatedScan:
    """A scan to measure on.

    Attributes:
        name: Its folder, from the folder that was given; with the series where that folder holds several.
        folder: Where its files are.
        truth: What readers marked in it.
    """

    name: str
    folder: Path
    truth: Truth

    def open(self, *, progress: Progress = silent) -> Study:
        """Open the study, of the marked series alone where the truth names it.

        Raises:
            FirstreadError: it cannot be opened, or does not hold that series.
        """
        study = open_study(self.folder, progress=progress)
        if self.truth.series_uid is None:
            return study
        kept = tuple(series for series in study.series if series.uid == self.truth.series_uid)
        if not kept:
            raise NothingReadable(
                f"{self.folder} does not hold the series {self.truth.series_uid} that was marked.",
                remedy="Correct series_uid in its annotations.json, or bring that series.",
            )
        return replace(study, series=kept)

    def patient(self, series: Series) -> str:
        """Return what groups the scans of one patient: the truth's word, else Patient ID, else the scan itself."""
        return self.truth.patient or text(series.header, "PatientID") or self.name


@dataclass(frozen=True)
class FoundScans:
    """The scans of a folder, and what was left out, in sentences."""

    scans: tuple[AnnotatedScan, ...]
    warnings: tuple[str, ...] = field(default=())


def find_scans(
    folder: Path,
    *,
    annotations: Path | None = None,
    excluded: Path | None = None,
    unannotated_are_empty: bool = False,
    progress: Progress = silent,
) -> FoundScans:
    """Find the DICOM studies under a folder and what readers marked in them.

    A folder with an annotations.json is one scan, with all folders below it; without `annotations` it is looked for.
    Every other folder that directly holds DICOM files is one study.

    Args:
        folder: Any nesting.
        annotations: LUNA16's annotations.csv, used instead of annotations.json.
        excluded: LUNA16's annotations_excluded.csv; only with `annotations`.
        unannotated_are_empty: Take studies (with `annotations`: CT series) that no file mentions as scans without a
            nodule; otherwise they are left out with a warning.
        progress: Called with the stage "open".

    Raises:
        UsageError: the folder is not there, or a file of annotations cannot be used.
        NothingReadable: no scan is left to measure on.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", remedy="Name the folder that holds the DICOM studies.")
    if excluded is not None and annotations is None:
        raise UsageError("--excluded needs --annotations.", remedy="Name annotations.csv as well.")
    if annotations is None:
        scans, warnings = _by_folder(folder, unannotated_are_empty)
    else:
        truths = read_luna16(annotations, excluded=excluded)
        scans, warnings = _by_series(folder, truths, unannotated_are_empty, progress)
    if not scans:
        raise NothingReadable(
            f"No annotated scan under {folder}.",
            remedy=" ".join(
                [*warnings[:3], "Put annotations.json beside the slices of a scan, or name --annotations."]
            ),
        )
    return FoundScans(tuple(scans), tuple(warnings))


def _by_folder(folder: Path, unannotated_are_empty: bool) -> tuple[list[AnnotatedScan], list[str]]:
    scans: list[AnnotatedScan] = []
    warnings: list[str] = []
    for place, annotated in _study_folders(folder, stop_at_annotations=True):
        name = _name(place, folder)
        if annotated:
            scans.append(AnnotatedScan(name, place, read_annotations(place / ANNOTATIONS_JSON)))
        elif unannotated_are_empty:
            scans.append(AnnotatedScan(name, place, Truth()))
        else:
            warnings.append(f"{name} has no {ANNOTATIONS_JSON} and was left out.")
    return scans, warnings


def _by_series(
    folder: Path, truths: Mapping[str, Truth], unannotated_are_empty: bool, progress: Progress
) -> tuple[list[AnnotatedScan], list[str]]:
    scans: list[AnnotatedScan] = []
    warnings: list[str] = []
    unlisted = 0
    places = [place for place, _ in _study_folders(folder, stop_at_annotations=False)]
    for done, place in enumerate(places):
        progress("open", done / len(places))
        try:
            study = open_study(place)
        except FirstreadError as problem:
            warnings.append(f"{_name(place, folder)} was left out: {problem}")
            continue
        held = [one for one in study.series if any(i.sop_class_uid in CT_CLASSES for i in one.instances)]
        for series in held:
            name = _name(place, folder) + (f" {series.uid}" if len(held) > 1 else "")
            if series.uid in truths:
                scans.append(AnnotatedScan(name, place, truths[series.uid]))
            elif unannotated_are_empty:
                scans.append(AnnotatedScan(name, place, Truth(series_uid=series.uid)))
            else:
                unlisted += 1
    progress("open", 1.0)
    if unlisted:
        warnings.append(f"{unlisted} CT series that the list does not name were left out.")
    if absent := len(truths.keys() - {scan.truth.series_uid for scan in scans}):
        warnings.append(f"{absent} series of the list are not under {folder}.")
    return scans, warnings


def _study_folders(folder: Path, *, stop_at_annotations: bool) -> Iterator[tuple[Path, bool]]:
    """Yield the folders that are studies, and whether an annotations.json made them one."""
    for where, folders, names in os.walk(folder):
        folders.sort()
        place = Path(where)
        if stop_at_annotations and ANNOTATIONS_JSON in names:
            folders.clear()
            yield place, True
        elif any(_is_dicom(place / name) for name in sorted(names)):
            yield place, False


def _is_dicom(path: Path) -> bool:
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as stream:
            return looks_like_dicom(stream.read(132))
    except OSError:
        return False


def _name(place: Path, folder: Path) -> str:
    told = place.relative_to(folder).as_posix()
    return folder.resolve().name if told == "." else told
