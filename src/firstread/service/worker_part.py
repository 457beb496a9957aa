"""The worker as a part of a process; apart from the others, which do without what it loads."""

from typing import Any

from firstread.archive import Archive
from firstread.settings import Settings
from firstread.workflow.routes import load_routes
from firstread.workflow.worker import Worker


class WorkerPart:
    """What routes, reads and delivers."""

    name = "worker"

    def __init__(self, archive: Archive, settings: Settings) -> None:
        self._routes = [route.name for route in load_routes(settings)]
        self._destinations = list(settings.destinations)
        self._worker = Worker(archive, settings)
        self._worker.__enter__()

    def facts(self) -> dict[str, Any]:
        """Return the worker's name among those of the installation, and what it knows on its start."""
        return {"worker": self._worker.name, "routes": self._routes, "destinations": self._destinations}

    def wrong(self) -> str | None:
        """Tell whether it takes work."""
        return None if self._worker.ready() else "takes no work"

    def alive(self) -> bool:
        """Say yes: it goes on by itself when what it misses is back."""
        return True

    def stop(self, grace_s: float) -> None:
        """Hand back what is not ended in time."""
        self._worker.stop(grace_s)
