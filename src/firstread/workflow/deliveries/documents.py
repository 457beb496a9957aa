"""Which files of a result go to a destination."""

import re
from pathlib import Path

from firstread.destinations import TAKEN, Destination, DocumentKind, Kind
from firstread.network.failures import PermanentFailure
from firstread.settings import Settings
from firstread.workflow.result_folder import FILE_NAME, RESULT_JSON

_KINDS: tuple[tuple[re.Pattern[str], DocumentKind], ...] = (
    (re.compile(r"sr\.dcm"), "sr"),
    (re.compile(r"seg\.dcm"), "seg"),
    (re.compile(r"key-.*"), "key"),
    (re.compile(r"report\.(dcm|pdf)"), "pdf"),
    (re.compile(r"report\.html"), "html"),
    (re.compile(r"report\.fhir\.json"), "fhir"),
    (re.compile(r"(result|report)\.json"), "json"),
)
_ONLY_DICOM: tuple[Kind, ...] = ("dicom", "stow")


def documents_for(destination_name: str, settings: Settings, folder: Path) -> tuple[str, ...]:
    """Return the names of the files of a result folder that go to a destination, `result.json` last.

    DICOM nodes and DICOMweb take the DICOM files, a folder takes all, and a webhook one event, which stands for
    `result.json`.

    Raises:
        PermanentFailure: the settings name no such destination, or there is no such folder.
    """
    destination = destination_named(destination_name, settings)
    if destination.kind == "webhook":
        return (RESULT_JSON,)
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise PermanentFailure(f"The result folder cannot be opened: {error.strerror}.") from None
    taken = [name for name in names if FILE_NAME.fullmatch(name) and _is_taken(name, destination)]
    return tuple(sorted(taken, key=lambda name: name == RESULT_JSON))


def destination_named(name: str, settings: Settings) -> Destination:
    """Return a destination of the settings.

    Raises:
        PermanentFailure: there is none of this name.
    """
    destination = settings.destinations.get(name)
    if destination is None:
        raise PermanentFailure(
            f"There is no destination {name[:64]!r}.",
            remedy="Name it in the setting `destinations`.",
        )
    return destination


def _is_taken(name: str, destination: Destination) -> bool:
    if destination.kind in _ONLY_DICOM and not name.endswith(".dcm"):
        return False
    kind = next(kind for pattern, kind in _KINDS if pattern.fullmatch(name))
    return kind in (destination.documents if destination.documents is not None else TAKEN[destination.kind])
