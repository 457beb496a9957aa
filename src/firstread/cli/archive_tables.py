"""What the commands of the archive print."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.archive.add import Added
from firstread.archive.backup import Copied
from firstread.archive.query import MODALITIES, Found
from firstread.archive.verify import FaultyFile, Verification

MOST_SHOWN = 20
_COLUMNS = {
    "StudyDate": "date",
    "StudyTime": "time",
    MODALITIES: "modalities",
    "StudyDescription": "description",
    "NumberOfStudyRelatedSeries": "series",
    "NumberOfStudyRelatedInstances": "instances",
    "StudyInstanceUID": "study UID",
}
_IDENTIFYING = {
    "PatientName": "patient",
    "PatientID": "ID",
    "PatientBirthDate": "born",
    "PatientSex": "sex",
}


def added_as_dict(added: Added) -> dict[str, Any]:
    """Return what was added as JSON has it."""
    told = asdict(added)
    told["refused"] = [{"file": file, "reason": reason} for file, reason in added.refused]
    return told


def print_added(added: Added) -> None:
    """Print how many files were stored, and why others were not."""
    console = Console()
    console.print(
        f"{added.stored} stored, {added.duplicates} there already, {len(added.studies)} studies.",
        highlight=False,
    )
    if added.conflicts:
        console.print(
            Text(
                f"{added.conflicts} have a SOP Instance UID that is there with other bytes; they are kept apart.",
                "yellow",
            )
        )
    if added.other_files:
        console.print(Text(f"{added.other_files} are no DICOM files.", "dim"))
    for file, reason in added.refused[:MOST_SHOWN]:
        console.print(Text(f"Refused: {file}: {reason}", "yellow"), soft_wrap=True)
    if len(added.refused) > MOST_SHOWN:
        console.print(Text(f"… and {len(added.refused) - MOST_SHOWN} more; --json lists all.", "yellow"))


def print_studies(studies: list[Found], *, identify: bool, limit: int) -> None:
    """Print one line a study."""
    console = Console()
    if not studies:
        console.print("No study.")
        return
    shown = {**(_IDENTIFYING if identify else {}), **_COLUMNS}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for keyword, title in shown.items():
        table.add_column(
            title,
            justify="right" if keyword.startswith("NumberOf") else "left",
            no_wrap=keyword in ("StudyDate", "StudyTime", "StudyInstanceUID"),
        )
    for study in studies:
        table.add_row(*(Text(_cell(keyword, study[keyword])) for keyword in shown))
    console.print(table)
    if len(studies) == limit:
        console.print(Text(f"The newest {limit}; --limit shows more.", "dim"))


def _cell(keyword: str, value: str | int | None) -> str:
    text = "" if value is None else str(value)
    if keyword.endswith("Date") and len(text) == 8:
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if keyword == "StudyTime" and len(text) >= 4:
        return f"{text[:2]}:{text[2:4]}"
    return text.replace("\\", " ")


def print_faults(faults: tuple[FaultyFile, ...], console: Console) -> None:
    """Print each file with a fault."""
    for each in faults[:MOST_SHOWN]:
        console.print(
            Text(f"✗ {each.fault}: {each.sop_instance_uid} in {each.name}", "bold red"), soft_wrap=True
        )
    if len(faults) > MOST_SHOWN:
        console.print(Text(f"… and {len(faults) - MOST_SHOWN} more; --json lists all.", "bold red"))


def print_copied(copied: Copied, place: str) -> None:
    """Print how much a backup or a restoration copied."""
    console = Console()
    print_faults(copied.faults, console)
    console.print(
        f"{copied.files - len(copied.faults)} files in {place}, {copied.copied} of them copied now.",
        highlight=False,
        soft_wrap=True,
    )


def print_verification(found: Verification) -> None:
    """Print what a verification found."""
    console = Console()
    print_faults(found.faults, console)
    if found.strays:
        console.print(
            Text(
                f"{len(found.strays)} files that were never acknowledged, {found.removed} of them removed now.",
                "yellow",
            )
        )
    verdict = "every one is as it came" if found.sound else f"{len(found.faults)} are not as they came"
    console.print(f"{found.files} files, {found.bytes >> 20} MiB: {verdict}.", highlight=False)
