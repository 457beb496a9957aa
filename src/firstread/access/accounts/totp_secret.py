"""The secret of a second factor as the database keeps it: closed with the installation's key, where there is one.

Which keys there are is an option of the engine (`KEYS_OPTION`): the first closes, all of them open.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, select, update

from firstread.access.accounts.models import AccountRow
from firstread.access.sealed import Seal, Unopenable
from firstread.archive.database import reading, writing

KEYS_OPTION = "second_factor_keys"
_SETTING = "second_factor_key"
_MARK = "sealed"
_log = logging.getLogger("firstread.access")


def close_secret(connection: Connection, account: int, secret: str) -> str:
    """Return what is kept of a secret (base 32): closed for this account, as it is where there is no key."""
    seals = _seals(connection)
    if not secret or not seals:
        return secret
    return f"{_MARK}:{seals[0].name}:{seals[0].close(secret.encode(), _place(account))}"


def open_secret(connection: Connection, account: int, kept: str) -> str:
    """Return a secret from what is kept of it; "" where there is none.

    Raises:
        Unopenable: no key of the settings opens it, or it was changed.
    """
    mark, _, rest = kept.partition(":")
    if mark != _MARK:
        return kept
    name, _, sealed = rest.partition(":")
    for seal in _seals(connection):
        if seal.name == name:
            return seal.open(sealed, _place(account)).decode()
    raise Unopenable(
        "The secret of a second factor cannot be opened: its key is not in the settings.",
        remedy=f"Set {_SETTING}, or name it in second_factor_former_keys.",
    )


def close_all(engine: Engine) -> int:
    """Close with the present key what is kept in the clear or was closed with a former one; return how many were.

    What no key opens is left as it is, and logged. Other processes may do the same at the same time.
    """
    with reading(engine) as connection:
        seals = _seals(connection)
        kept = [
            (row.id, column, getattr(row, column))
            for row in connection.execute(select(AccountRow.id, AccountRow.totp, AccountRow.totp_new))
            for column in ("totp", "totp_new")
            if getattr(row, column)
        ]
    if not seals:
        if kept:
            _log.warning("secrets of second factors are kept in the clear: set %s", _SETTING)
        return 0
    current = f"{_MARK}:{seals[0].name}:"
    old = [each for each in kept if not each[2].startswith(current)]
    closed = 0
    if old:
        with writing(engine) as connection:
            for account, name, text in old:
                column = getattr(AccountRow, name)
                try:
                    anew = close_secret(connection, account, open_secret(connection, account, text))
                except Unopenable as error:
                    _log.error("%s", error.message)
                    continue
                same = (AccountRow.id == account, column == text)
                closed += connection.execute(update(AccountRow).where(*same).values({name: anew})).rowcount
    return closed


def _seals(connection: Connection) -> Sequence[Seal]:
    keys: Sequence[str] = connection.get_execution_options().get(KEYS_OPTION, ())
    return [Seal.of(key, _SETTING) for key in keys]


def _place(account: int) -> str:
    return f"second factor of account {account}"
