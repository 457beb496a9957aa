"""The dashboard's numbers: of alerts, of channels, and whether any process runs the clocks."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement

from firstread.alerts import lease
from firstread.alerts.queries import statistics
from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import reading


def numbers_of(archive: Archive, within: ColumnElement[bool] | None, days: int | None) -> dict[str, Any]:
    """Return the numbers of the alerts that were raised in the last days; None: of all."""
    at = now()
    since = at - timedelta(days=days) if days is not None else None
    with reading(archive.engine) as connection:
        found = statistics(connection, within=within, since=since, at=at)
        running = lease.holder(connection, at) is not None
    return {**asdict(found), "clocks_run": running}
