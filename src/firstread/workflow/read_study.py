"""The whole path of one read: a study on disk in, a result folder out."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace as with_changes
from pathlib import Path
from time import perf_counter
from typing import get_args

from firstread.dicom.discover import open_study, study_from
from firstread.dicom.series import Study
from firstread.dicom.source import FileSource
from firstread.engine import Engine
from firstread.errors import UsageError
from firstread.findings import ReadResult
from firstread.progress import Progress, silent
from firstread.readers.registry import choose_reader, load_reader
from firstread.reports import Lang, draft_impression
from firstread.settings import Precision
from firstread.workflow.documents import load_ahead, write_documents
from firstread.workflow.result_folder import (
    check_destination,
    load_predecessor,
    load_prior,
    new_result_folder,
    write_result_json,
)


def read_study(
    path: str | os.PathLike[str] | Sequence[Path],
    out: str | os.PathLike[str],
    *,
    reader: str | None = None,
    precision: Precision | None = None,
    threads: int | None = None,
    prior: str | os.PathLike[str] | None = None,
    predecessor: Path | None = None,
    lang: Lang = "en",
    study_uid: str | None = None,
    series_uid: str | None = None,
    replace: bool = False,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> ReadResult:
    """Read a study and write its result folder, whole or not at all.

    Args:
        path: A folder of any nesting, a zip, one multi-frame file, or the files of a study.
        out: The result folder to make.
        reader: Name of the reader; None takes the first that accepts the study.
        precision: auto, f32 or int8; None takes the setting.
        threads: Threads of inference; None takes the setting, else the cores granted to this process.
        prior: Result of an earlier study to compare with: its folder, or its result.json.
        predecessor: Result folder of a read of the same study that this one takes the place of.
        lang: Lang of the report, en or zh.
        study_uid: The study to read, where `path` holds several.
        series_uid: The series to read; None leaves the choice to the reader.
        replace: Take the place of a result that `out` holds.
        engine: An engine that is kept between reads, with its own precision and threads; None makes one.
        progress: Called with the stages open, load, segment, detect, classify, measure and report.

    Returns:
        What `result.json` says, and the masks besides.

    Raises:
        UsageError: an argument cannot work; nothing was read.
        NothingReadable: there is no series that the reader could read.
        RefusedInput: there is one, but reading it would not be safe.
        Cancelled: raised by `progress`, passed on.
    """
    start = perf_counter()
    destination = Path(out)
    check_destination(destination, replace=replace)
    if isinstance(path, str | os.PathLike) and not Path(path).exists():
        raise UsageError(f"{Path(path)} does not exist.", remedy="Name a folder, a zip or a DICOM file.")
    if threads is not None and threads < 1:
        raise UsageError(f"A read needs at least one thread, not {threads}.", remedy="Leave --threads out.")
    named = load_reader(reader) if reader is not None else None
    earlier = load_prior(Path(prior)) if prior is not None else None
    former = load_predecessor(predecessor) if predecessor is not None else None

    begun = perf_counter()
    if isinstance(path, str | os.PathLike):
        study = open_study(Path(path), study_uid=study_uid, progress=progress)
    else:
        study = study_from([FileSource(file) for file in path], study_uid=study_uid, progress=progress)
    opened = perf_counter() - begun
    if series_uid is not None:
        study = _only(study, series_uid)
    load_ahead()
    kept = nullcontext(engine) if engine is not None else Engine(threads=threads, precision=precision)
    with kept as running:
        result = (named or choose_reader(study)).read(study, running, prior=earlier, progress=progress)

    written = perf_counter()
    progress("report", 0.0)
    volume = study.volume(next(series for series in study.series if series.uid == result.series_uid))
    result = _with_impression(_timed(result, load=result.timings_s.load + opened), lang)
    result = result.model_copy(update={"predecessor": former})
    with new_result_folder(destination, replace=replace) as folder:
        result = _timed(result, report=perf_counter() - written, total=perf_counter() - start)
        write_documents(folder, result, volume, lang=lang, progress=progress)
        result = _timed(result, report=perf_counter() - written, total=perf_counter() - start)
        write_result_json(folder, result)
    progress("report", 1.0)
    return result


def _only(study: Study, series_uid: str) -> Study:
    kept = tuple(series for series in study.series if series.uid == series_uid)
    if not kept:
        raise UsageError(
            f"Study {study.study_uid} has no series {series_uid}.",
            remedy="`firstread info PATH` lists the series that it has.",
        )
    return with_changes(study, series=kept)


def _with_impression(result: ReadResult, lang: Lang) -> ReadResult:
    """Draft the impression in the report's language; one that the reader worded itself stands."""
    if result.impression not in ("", *(draft_impression(result, each) for each in get_args(Lang))):
        return result
    return result.model_copy(update={"impression": draft_impression(result, lang)})


def _timed(result: ReadResult, **seconds: float) -> ReadResult:
    rounded = {stage: round(value, 3) for stage, value in seconds.items()}
    return result.model_copy(update={"timings_s": result.timings_s.model_copy(update=rounded)})
