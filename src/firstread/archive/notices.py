"""Notices: what happened, for those who look at a page now; the web service passes them on (firstread.web.events)."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert

from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Notice

KEPT_FOR = timedelta(minutes=10)
"""A notice is only of use while it is news; what lasts is in other tables."""


def tell(
    connection: Connection,
    kind: str,
    *,
    study_key: int | None = None,
    needs: str = "study.read",
    account: int | None = None,
    content: Mapping[str, Any] | None = None,
) -> None:
    """Write a notice in the caller's transaction: it is told when, and only if, that ends well.

    Args:
        connection: From `writing`.
        kind: The name of the event in browsers, e.g. `study`, `alert`; several of one study may be told as one.
        study_key: The study it is about; only who may see that is told. None: of no study.
        needs: The right (a value of `firstread.access.Action`) without which nobody is told.
        account: Key of the only account that is told; None: all who have the right.
        content: What goes to the browser with it, as JSON. Nothing of a patient: the page asks for that.
    """
    connection.execute(
        insert(Notice).values(
            kind=kind,
            study_key=study_key,
            needs=needs,
            account=account,
            content=json.dumps(dict(content or {})),
        )
    )


def forget_notices(engine: Engine) -> None:
    """Remove the notices that are no news any more.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    with writing(engine) as connection:
        connection.execute(delete(Notice).where(Notice.at < now() - KEPT_FOR))
