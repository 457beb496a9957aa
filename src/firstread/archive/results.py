"""Where the results of a study lie in the archive's folder, and how they go with it."""

import shutil
from pathlib import Path

RESULTS = "results"


def result_folder_name(study_uid: str, job: int) -> str:
    """Return the name of a job's result folder, relative to the archive's; a stored UID is digits and dots."""
    return f"{RESULTS}/{study_uid}/{job}"


def remove_results(archive: Path, study_uid: str) -> None:
    """Remove the result folders of a study that the archive has no more: they hold the patient's data too."""
    shutil.rmtree(archive / RESULTS / study_uid, ignore_errors=True)
