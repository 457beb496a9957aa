"""What de-identification did, for people and programs; nobody is named."""

from pathlib import Path
from typing import Any

from firstread.dicom.deidentify.folder import Outcome
from firstread.dicom.deidentify.profile import shipped

_DONE = {
    "X": "attributes removed",
    "Z": "attributes emptied",
    "D": "attributes replaced by a dummy",
    "C": "attributes cleaned",
    "U": "UIDs replaced",
}


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON has it, without what leads back to a patient."""
    return {
        "patients": len(outcome.patients),
        "studies": len(outcome.studies),
        "series": len(outcome.series),
        "instances": outcome.instances,
        "not_dicom": outcome.others,
        "blanked": outcome.blanked,
        "actions": {code: outcome.actions[code] for code in _DONE},
        "refused": dict(outcome.refused),
        "warnings": dict(outcome.warnings),
    }


def report_text(outcome: Outcome, project: str) -> str:
    """Return the report that may be given on with the images."""
    lines = [
        f"De-identification for the project {project}",
        "",
        f"Profile: DICOM PS3.15 Annex E, Table E.1-1, {shipped().edition}",
        f"Patients: {len(outcome.patients)}",
        f"Studies: {len(outcome.studies)}",
        f"Series: {len(outcome.series)}",
        f"Instances: {outcome.instances}, each read again and found to tell nothing of its original",
        f"Files that are not DICOM: {outcome.others}",
        f"Instances with parts made black: {outcome.blanked}",
        "",
        *(f"{what}: {outcome.actions[code]}" for code, what in _DONE.items()),
    ]
    for title, counted in (("Refused", outcome.refused), ("To be known", outcome.warnings)):
        if counted:
            lines += ["", f"{title}:", *(f"  {number} × {why}" for why, number in counted.most_common())]
    return "\n".join(lines) + "\n"


def print_outcome(outcome: Outcome, out: Path | None) -> None:
    """Print an outcome, with the names of files that were refused: this is the house's own terminal."""
    where = f"into {out}" if out is not None else "as a trial, nothing was written"
    print(
        f"{outcome.instances} instances of {len(outcome.patients)} patients and {len(outcome.studies)} studies "
        f"de-identified and verified, {where}."
    )
    done = ", ".join(
        f"{outcome.actions[code]} {what}" for code, what in _DONE.items() if outcome.actions[code]
    )
    print(f"{done}.")
    if outcome.blanked:
        print(f"{outcome.blanked} instances with parts made black.")
    for why, number in outcome.warnings.most_common():
        print(f"{number} × {why}")
    for name, why in outcome.refused_files[:20]:
        print(f"refused: {name}: {why}")
    if len(outcome.refused_files) > 20:
        print(f"… and {len(outcome.refused_files) - 20} more refused.")
