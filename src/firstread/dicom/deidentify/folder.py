"""Many instances without their patients: all of them verified, or nothing is left."""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from firstread.dicom.deidentify.deidentify import Deidentified, Deidentifier
from firstread.dicom.deidentify.instance_file import opened, written
from firstread.dicom.deidentify.verify import Leak, leaks
from firstread.dicom.header import text, uid
from firstread.dicom.quiet import quiet
from firstread.dicom.source import Source
from firstread.errors import FirstreadError, NothingReadable, RefusedInput
from firstread.progress import Progress, silent

_FOLDER_MODE, _FILE_MODE = 0o750, 0o640


class NotDeidentified(FirstreadError):
    """The verifier found something of the original in the output; nothing was left (exit code 4).

    Args:
        found: What, by kind and attribute; no value.
    """

    exit_code = 4

    def __init__(self, found: tuple[Leak, ...]) -> None:
        told = ", ".join(sorted({str(leak) for leak in found})[:8])
        super().__init__(
            f"What was written still told something of the original, so nothing was left: {told}.",
            remedy="Report it as a fault of firstread, or leave these instances out.",
        )
        self.found = found


@dataclass(frozen=True)
class Original:
    """What a pseudonym or a UID stands for: of a crosswalk, and of nothing that leaves the house."""

    kind: str
    original: str = field(repr=False)
    pseudonym: str
    detail: str = field(default="", repr=False)


@dataclass
class Outcome:
    """What was done, naming nobody: numbers, and reasons with how many instances they are true of.

    `originals` is what the crosswalk keeps; `refused_files` says where what was refused came from. Neither is for
    those who get the output.
    """

    instances: int = 0
    patients: set[str] = field(default_factory=set)
    studies: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    actions: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    blanked: int = 0
    others: int = 0
    originals: dict[tuple[str, str], Original] = field(default_factory=dict, repr=False)
    refused_files: list[tuple[str, str]] = field(default_factory=list, repr=False)


def deidentify_sources(
    sources: Iterable[Source],
    deidentifier: Deidentifier,
    out: Path | None,
    *,
    before_release: Callable[[Outcome], None] = lambda outcome: None,
    progress: Progress = silent,
) -> Outcome:
    """De-identify every instance, as OUT/PATIENT/STUDY/SERIES/INSTANCE.dcm under pseudonyms and new UIDs.

    Everything is written beside and verified, and appears in the folder together.

    Args:
        sources: Files; what is no DICOM instance is counted and left out.
        deidentifier: Of the project.
        out: The folder, made where it is not there; None: a dry run, verified as well, nothing is written.
        before_release: Called when all is verified and nothing is to be seen yet: the place to write the crosswalk.
        progress: Called with the stage "deidentify".

    Raises:
        NotDeidentified: the verifier found something; nothing was left.
        NothingReadable: no instance could be de-identified.
        FirstreadError: the folder cannot be written to.
    """
    listed = list(sources)
    outcome = Outcome()
    staging = _staging(out) if out is not None else None
    try:
        names: set[str] = set()
        progress("deidentify", 0.0)
        with quiet():
            for n, source in enumerate(listed, start=1):
                try:
                    one = _one(source, deidentifier, outcome)
                    if one is not None:
                        _place(one, staging, names, outcome)
                except RefusedInput as problem:
                    outcome.refused[problem.message] += 1
                    outcome.refused_files.append((_name(source), problem.message))
                progress("deidentify", n / len(listed))
        if not outcome.instances:
            reasons = "; ".join(outcome.refused) or "there was no DICOM instance"
            raise NothingReadable(f"No instance was de-identified: {reasons}", remedy="Give other files.")
        before_release(outcome)
        if staging is not None and out is not None:
            _release(staging, out)
    except OSError as error:
        raise FirstreadError(
            f"{out} cannot be written to: {error.strerror}.", remedy="Name another folder."
        ) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
            if out is not None and _is_empty(out):
                out.rmdir()
    return outcome


@dataclass(frozen=True)
class _Made:
    content: bytes = field(repr=False)
    instance: Deidentified


def _one(source: Source, deidentifier: Deidentifier, outcome: Outcome) -> _Made | None:
    try:
        found = opened(source)
    except OSError as error:
        raise RefusedInput("It cannot be read.") from error
    if found is None:
        outcome.others += 1
        return None
    original, syntax = found
    instance = deidentifier(original, syntax)
    content = written(instance)
    leaked = leaks(original, content, deidentifier.options)
    if leaked:
        raise NotDeidentified(leaked)
    _note(original, instance, outcome)
    return _Made(content, instance)


def _note(original: object, instance: Deidentified, outcome: Outcome) -> None:
    from pydicom.dataset import Dataset

    assert isinstance(original, Dataset)
    made = instance.dataset
    detail = "\x1f".join(
        text(original, keyword)
        for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
    )
    for each in (
        Original("patient", instance.person, instance.pseudonym, detail),
        Original(
            "study",
            uid(original, "StudyInstanceUID"),
            uid(made, "StudyInstanceUID"),
            text(original, "AccessionNumber"),
        ),
        Original("series", uid(original, "SeriesInstanceUID"), uid(made, "SeriesInstanceUID")),
    ):
        outcome.originals[each.kind, each.original] = each


def _place(made: _Made, staging: Path | None, names: set[str], outcome: Outcome) -> None:
    dataset = made.instance.dataset
    study, series, instance = (uid(dataset, f"{level}InstanceUID") for level in ("Study", "Series", "SOP"))
    if not all(each.strip(".") for each in (study, series, instance)):
        raise RefusedInput("A UID of the instance is none.")
    if instance in names:
        raise RefusedInput("Another instance has the same SOP Instance UID.")
    names.add(instance)
    if staging is not None:
        target = staging / made.instance.pseudonym / study / series / f"{instance}.dcm"
        target.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with open(handle, "wb") as file:
            file.write(made.content)
            file.flush()
            os.fsync(file.fileno())
    outcome.instances += 1
    outcome.patients.add(made.instance.pseudonym)
    outcome.studies.add(study)
    outcome.series.add(series)
    outcome.actions.update(made.instance.actions)
    outcome.warnings.update(made.instance.warnings)
    outcome.blanked += bool(made.instance.blanked)


def _staging(out: Path) -> Path:
    try:
        out.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        staging = out / f".firstread-{secrets.token_hex(8)}"
        staging.mkdir(0o700)
    except OSError as error:
        raise FirstreadError(
            f"{out} cannot be written to: {error.strerror}.", remedy="Name another folder."
        ) from error
    return staging


def _release(staging: Path, out: Path) -> None:
    for path in sorted(staging.rglob("*.dcm")):
        target = out / path.relative_to(staging)
        target.parent.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)
        os.replace(path, target)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _name(source: Source) -> str:
    path = getattr(source, "path", None) or getattr(getattr(source, "member", None), "filename", "")
    return str(path)
