"""Which keys of a query name little: looked up first, so that no database has to guess.

Two plans find the newest studies that match: take what a key names and sort it, or walk the studies from the newest
until enough of them match. The first is slow where the key names much, the second where it names little; PostgreSQL
guesses from statistics that may be old, SQLite without any. Looking for one more than `MOST` tells.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select
from sqlalchemy.orm import InstrumentedAttribute

MOST = 1000


def named(
    connection: Connection, keys: Select[Any], column: InstrumentedAttribute[int]
) -> ColumnElement[bool] | None:
    """Return what a row must fulfil to have one of the keys; None where there are more than `MOST`.

    Args:
        connection: From `reading`.
        keys: Selects them, some of them twice perhaps.
        column: Holds such keys.
    """
    found = list(connection.execute(keys.limit(MOST + 1)).scalars())
    return column.in_(sorted(set(found))) if len(found) <= MOST else None
