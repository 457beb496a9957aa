"""C-FIND: what the archive holds, by patient, study, series and image."""

import logging
from collections.abc import Iterator
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from sqlalchemy import Engine

from firstread.access import Action
from firstread.access.gate import Denied
from firstread.archive.database import reading
from firstread.archive.query import find
from firstread.dicom.quiet import quiet
from firstread.network.callers import Callers
from firstread.network.contexts import is_study_root
from firstread.network.identifiers import answer, identifier_of, read_query
from firstread.network.statuses import (
    CANCELLED,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_WITHOUT_SOME_KEYS,
    query_status,
)
from firstread.network.trail import NodeTrail

_log = logging.getLogger("firstread.network")
MOST_MATCHES = 10_000
"""More are not sent: the query is answered with A700 after so many, and has to be narrower."""

Answers = Iterator[tuple[int, Dataset | None]]


class QuerySCP:
    """Answers queries.

    Args:
        engine: The archive's database.
        ae_title: From where a match can be retrieved.
        callers: What they may ask for.
        trail: Where queries are recorded.
    """

    def __init__(self, engine: Engine, ae_title: str, callers: Callers, trail: NodeTrail) -> None:
        self._callers = callers
        self._trail = trail
        self._engine = engine
        self._ae_title = ae_title

    def find(self, event: evt.Event) -> Answers:
        """Yield the matches of one C-FIND request."""
        study_root = is_study_root(str(cast(Any, event.request).AffectedSOPClassUID))
        try:
            with quiet():  # pydicom's remarks quote what was asked
                query = read_query(identifier_of(event), study_root=study_root)
            within = self._callers.grant(event, Action.READ_STUDY).within
            with reading(self._engine) as connection:
                matches = find(connection, query.level, query.keys, limit=MOST_MATCHES + 1, within=within)
            self._trail.asked(event, query.keys, query.level)
        except Denied as error:
            self._trail.refused(event, "C-FIND", "denied")
            status = query_status(error)
            _log.warning("C-FIND was denied with %04X", status)
            yield status, None
            return
        except Exception as error:
            status = query_status(error)
            _log.warning("C-FIND failed with %04X: %s", status, type(error).__name__)
            yield status, None
            return
        pending = PENDING_WITHOUT_SOME_KEYS if query.ignored else PENDING
        for found in matches[:MOST_MATCHES]:
            if event.is_cancelled:
                yield CANCELLED, None
                return
            yield pending, answer(query, found, retrieve_ae_title=self._ae_title)
        if len(matches) > MOST_MATCHES:
            yield OUT_OF_RESOURCES, None
