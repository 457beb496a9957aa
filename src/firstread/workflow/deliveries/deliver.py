"""One document to one destination, whatever kind it is."""

from pathlib import Path
from typing import Protocol

from firstread.archive import Archive
from firstread.destinations import Kind
from firstread.errors import ArchiveUnavailable, FirstreadError, UsageError
from firstread.network.failures import DeliveryFailed, PassingFailure, PermanentFailure
from firstread.network.special_addresses import check_url
from firstread.settings import Settings
from firstread.workflow.deliveries.documents import destination_named, documents_for
from firstread.workflow.deliveries.to_folder import ToFolder
from firstread.workflow.deliveries.to_node import ToNode
from firstread.workflow.deliveries.to_stow import ToStow
from firstread.workflow.deliveries.to_webhook import ToWebhook


class Way(Protocol):
    """How a kind of destination is reached."""

    def deliver(self, archive: Archive, folder: Path, document: str) -> None:
        """Bring a document of a result folder there; again does no harm."""

    def test(self) -> str:
        """Try the destination without a result, and say in a sentence that it works."""


_WAYS: dict[Kind, type[ToNode] | type[ToStow] | type[ToFolder] | type[ToWebhook]] = {
    "dicom": ToNode,
    "stow": ToStow,
    "folder": ToFolder,
    "webhook": ToWebhook,
}


def way_to(destination_name: str, settings: Settings) -> Way:
    """Return how a destination of the settings is reached.

    Raises:
        PermanentFailure: there is none of this name.
        UsageError: its settings cannot be used.
    """
    destination = destination_named(destination_name, settings)
    if destination.kind in ("stow", "webhook"):
        check_url(destination.place, settings)
    return _WAYS[destination.kind].of(destination_name, settings)


def unusable_destinations(settings: Settings) -> dict[str, str]:
    """Return what is wrong with destinations whose settings cannot work, by name; none of them is called."""
    wrong: dict[str, str] = {}
    for name in settings.destinations:
        try:
            way_to(name, settings)
        except UsageError as error:
            wrong[name] = str(error)
    return wrong


def deliver(archive: Archive, settings: Settings, destination_name: str, folder: Path, document: str) -> None:
    """Bring one document of a result to one destination: at least once, and again without harm.

    Args:
        archive: Where `keep_result` put the result's DICOM documents.
        settings: They name the destination.
        destination_name: Which.
        folder: The result folder.
        document: One of what `documents_for` returns.

    Raises:
        PassingFailure: it is worth trying again, after `wait_s`.
        PermanentFailure: it is not, before a person has changed something.
    """
    try:
        if document not in documents_for(destination_name, settings, folder):
            raise PermanentFailure(
                f"{document[:64]} is no document of the result that goes to {destination_name}."
            )
        way_to(destination_name, settings).deliver(archive, folder, document)
    except DeliveryFailed:
        raise
    except ArchiveUnavailable as error:
        raise PassingFailure(error.message, remedy=error.remedy) from error
    except FirstreadError as error:
        raise PermanentFailure(error.message, remedy=error.remedy) from error
    except OSError as error:
        raise PassingFailure(f"The result cannot be read: {error.strerror}.") from error
