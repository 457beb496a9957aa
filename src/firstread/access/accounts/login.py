"""Logging in: a name and a password, then a code where the account has a second factor.

Whoever fails learns nothing of which was wrong: the answer, and the work before it, are the same for a name that nobody
has, for an account without a password, and for one that is disabled.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, update

from firstread.access.accounts import attempts
from firstread.access.accounts.account import Account, find_account, folded, get_account, note_login
from firstread.access.accounts.attempts import Counter
from firstread.access.accounts.models import AccountRow
from firstread.access.accounts.passwords import is_password, renewed, stored_hash
from firstread.access.accounts.sessions import (
    Way,
    end_session,
    find_session,
    open_session,
    remove_ended,
)
from firstread.access.accounts.totp import take_code
from firstread.access.accounts.trail import record_login, record_logout, record_refusal
from firstread.access.gate import is_loopback
from firstread.archive.database import reading, writing
from firstread.settings import Settings

State = Literal["in", "code", "enrol", "refused", "wait"]


@dataclass(frozen=True)
class Caller:
    """Where a login comes from: an address, the browser as it names itself, and the secret of its session so far."""

    address: str = ""
    browser: str = ""
    presented: str = ""


@dataclass(frozen=True)
class Entry:
    """What became of a try to log in.

    Args:
        state: in: a session is open; code, enrol: one that waits for a code, or for a second factor to be set up;
            refused; wait: it was not tried, as too many failed.
        secret: For the cookie, where there is a session.
        account: Who logged in, or, while a code is missing, would.
        wait_s: Seconds to wait.
    """

    state: State
    secret: str = ""
    account: int | None = None
    wait_s: float = 0.0


def idle_of(settings: Settings) -> timedelta:
    """Return after which time without a request a session ends."""
    return timedelta(minutes=settings.session_idle_min)


def log_in(engine: Engine, settings: Settings, name: str, password: str, caller: Caller) -> Entry:
    """Try a name and a password."""
    name = folded(name)
    counters = _counters(name, caller)
    wait_s = attempts.begin(engine, counters)
    with reading(engine) as connection:
        key, hashed = stored_hash(connection, name)
        named = find_account(connection, name)
    if wait_s:
        record_refusal(engine, named, why="wait", address=caller.address)
        return Entry("wait", wait_s=wait_s)
    if not is_password(password, hashed) or key is None:
        record_refusal(engine, named, why="password", address=caller.address)
        return Entry("refused")
    fresh = renewed(password, hashed)
    with writing(engine) as connection:
        if fresh:
            connection.execute(update(AccountRow).where(AccountRow.id == key).values(password=fresh))
        account = get_account(connection, key)
        if account.disabled:
            return Entry("refused")
        if account.has_totp:
            secret = enter(connection, settings, account, caller, way="password", waits_for="code")
            return Entry("code", secret, key)
        _succeed(connection, counters)
        if settings.second_factor == "required":
            secret = enter(connection, settings, account, caller, way="password", waits_for="enrol")
            return Entry("enrol", secret, key)
        return Entry("in", enter(connection, settings, account, caller, way="password"), key)


def give_code(engine: Engine, settings: Settings, code: str, caller: Caller) -> Entry:
    """Try a code for the session that waits for one, `caller.presented`."""
    with reading(engine) as connection:
        session = find_session(connection, caller.presented, idle=idle_of(settings))
        account = get_account(connection, session.account) if session else None
    if session is None or account is None or session.waits_for != "code":
        return Entry("refused")
    counters = _counters(folded(account.name), caller)
    if wait_s := attempts.begin(engine, counters):
        record_refusal(engine, account, why="wait", address=caller.address)
        return Entry("wait", account=account.id, wait_s=wait_s)
    with writing(engine) as connection:
        taken = take_code(connection, account.id, code)
    if not taken:
        record_refusal(engine, account, why="code", address=caller.address)
        return Entry("refused", account=account.id)
    with writing(engine) as connection:
        _succeed(connection, counters)
        return Entry("in", enter(connection, settings, account, caller, way="password"), account.id)


def enter(
    connection: Connection,
    settings: Settings,
    account: Account,
    caller: Caller,
    *,
    way: Way,
    waits_for: str = "",
) -> str:
    """Open a session under a new secret in place of the one presented (against session fixation); return the secret."""
    if not waits_for:
        note_login(connection, account.id)
        record_login(connection, account, way=way, address=caller.address)
    remove_ended(connection, idle=idle_of(settings))
    attempts.forget_old(connection)
    return open_session(
        connection,
        account.id,
        way=way,
        lasts=timedelta(hours=settings.session_hours),
        waits_for=waits_for,
        address=caller.address,
        browser=caller.browser,
        instead_of=caller.presented or None,
    )


def log_out(engine: Engine, account: Account, caller: Caller) -> None:
    """End the session of `caller.presented`."""
    with writing(engine) as connection:
        end_session(connection, caller.presented)
        record_logout(connection, account, address=caller.address)


def reauthenticate(connection: Connection, account: int, password_or_code: str) -> bool:
    """Tell whether somebody who is logged in shows again who they are, as before a report is signed.

    Args:
        connection: To write with; commit it whatever comes of it, as the attempt is counted.
        account: Whose session it is.
        password_or_code: Their password, or a code of their second factor.
    """
    found = get_account(connection, account)
    counter = attempts.of_name(folded(found.name))
    if found.disabled or attempts.begin_within(connection, [counter]):
        return False
    is_code = take_code(connection, account, password_or_code)
    if not is_code:
        key, hashed = stored_hash(connection, folded(found.name))
        if key != account or not is_password(password_or_code, hashed):
            return False
    attempts.succeed(connection, name=counter)
    return True


def _counters(name_folded: str, caller: Caller) -> list[Counter]:
    """Return what the attempt is counted under; behind a proxy that does not say from where, not under its address."""
    of_name = attempts.of_name(name_folded)
    if not caller.address or is_loopback(caller.address):
        return [of_name]
    return [of_name, attempts.of_address(caller.address)]


def _succeed(connection: Connection, counters: list[Counter]) -> None:
    attempts.succeed(connection, name=counters[0], address=counters[1] if len(counters) > 1 else None)
