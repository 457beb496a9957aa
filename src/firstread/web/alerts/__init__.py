"""Critical alerts over HTTP, for programs: docs/how-to/alerts.md."""

from firstread.web.alerts.api import alerts_router

__all__ = ["alerts_router"]
