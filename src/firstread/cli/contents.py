"""What a study holds, series by series, as its headers tell."""

from statistics import median

import numpy as np
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.dicom.choose import Choice, choose_series
from firstread.dicom.frames import Frame, frames_of
from firstread.dicom.quiet import quiet
from firstread.dicom.series import Series, Study
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES
from firstread.errors import FirstreadError

MOSTLY = 0.8  # component of the normal along a body axis from which a plane bears that axis's name
PLANES = ("sagittal", "coronal", "axial")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class SeriesContents(_Value):
    """One series. What its headers do not tell is None or empty."""

    uid: str
    number: int | None
    modality: str
    description: str
    kernel: str
    orientation: str
    images: int
    columns: int | None
    rows: int | None
    pixel_mm: tuple[float, float] | None
    interval_mm: float | None
    thickness_mm: float | None
    transfer_syntaxes: tuple[str, ...]
    chosen: bool
    reason: str


class StudyContents(_Value):
    """One study; `problem` says why none of its series could be read."""

    study_uid: str
    series: tuple[SeriesContents, ...]
    warnings: tuple[str, ...]
    problem: str = ""


def describe_study(study: Study) -> StudyContents:
    """Describe every series, and say which one would be read and why the others would not."""
    choice, problem = None, ""
    try:
        choice = choose_series(study)
    except FirstreadError as error:
        problem = str(error)
    return StudyContents(
        study_uid=study.study_uid,
        series=tuple(_describe(series, choice) for series in study.series),
        warnings=study.warnings,
        problem=problem,
    )


def _describe(series: Series, choice: Choice | None) -> SeriesContents:
    with quiet():
        frames = [frame for frame in frames_of(series) if not frame.flaw]
    syntaxes = {instance.transfer_syntax_uid for instance in series.instances}
    reasons = {other.uid: why for other, why in choice.rejected} if choice else {}
    chosen = choice is not None and choice.series is series
    first = frames[0] if frames else None
    return SeriesContents(
        uid=series.uid,
        number=series.number,
        modality=series.modality,
        description=series.description,
        kernel=series.kernel,
        orientation=_plane(frames),
        images=series.number_of_images,
        columns=first.columns if first else None,
        rows=first.rows if first else None,
        pixel_mm=first.spacing_mm if first else None,
        interval_mm=_interval(frames),
        thickness_mm=series.slice_thickness_mm,
        transfer_syntaxes=tuple(sorted(_syntax(each) for each in syntaxes)),
        chosen=chosen,
        reason=choice.reason if choice and chosen else reasons.get(series.uid, ""),
    )


def _plane(frames: list[Frame]) -> str:
    if not frames:
        return ""
    normal = np.abs(frames[0].normal)
    return PLANES[int(normal.argmax())] if normal.max() >= MOSTLY else "oblique"


def _interval(frames: list[Frame]) -> float | None:
    if len(frames) < 2:
        return None
    along = sorted(float(frame.position_mm @ frames[0].normal) for frame in frames)
    return round(median(np.diff(along)), 3)


def _syntax(uid: str) -> str:
    known = TRANSFER_SYNTAXES.get(uid)
    return known.name if known else uid or "not named"


def print_contents(contents: StudyContents, *, console: Console | None = None) -> None:
    """Print the study as a table, then why its series would be read or not."""
    console = console or Console()
    console.print(Text(f"Study {contents.study_uid}"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "series", "", "description", "plane", "kernel"):
        table.add_column(column)
    for column in ("images", "matrix", "pixel (mm)", "every (mm)", "thick (mm)"):
        table.add_column(column, justify="right")
    table.add_column("stored as")
    for series in contents.series:
        table.add_row(*(Text(cell) for cell in _cells(series)))
    console.print(table)
    console.print()
    for series in contents.series:
        if series.reason:
            mark, name = ("→", "bold") if series.chosen else (" ", "")
            said = f"{mark} Series {_number(series)} ({series.uid}): {series.reason}"
            console.print(Text(said, style=name))
    if contents.problem:
        console.print(Text(f"Nothing would be read. {contents.problem}", style="bold"))
    for warning in contents.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))


def _cells(series: SeriesContents) -> tuple[str, ...]:
    return (
        "→" if series.chosen else "",
        _number(series),
        series.modality,
        series.description,
        series.orientation,
        series.kernel,
        str(series.images),
        f"{series.columns} × {series.rows}" if series.columns else "",
        f"{series.pixel_mm[0]:.3f}" if series.pixel_mm else "",
        f"{series.interval_mm:.2f}" if series.interval_mm is not None else "",
        f"{series.thickness_mm:.2f}" if series.thickness_mm is not None else "",
        ", ".join(series.transfer_syntaxes),
    )


def _number(series: SeriesContents) -> str:
    return "–" if series.number is None else str(series.number)
