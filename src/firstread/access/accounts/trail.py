"""What the audit trail says of accounts: logins, logouts, and changes of who may log in and how."""

from sqlalchemy import Connection, Engine

from firstread.access.accounts.account import Account
from firstread.access.actor import Actor
from firstread.access.audit import Event, EventCode, record, record_now


def actor_of(account: Account, address: str = "") -> Actor:
    """Return an account as the one who acts."""
    return Actor(
        account.kind,
        account.name,
        account=account.id,
        roles=account.roles,
        departments=account.departments,
        address=address,
    )


def record_login(connection: Connection, account: Account, *, way: str, address: str) -> None:
    """Record that somebody logged in, by password, oidc or link."""
    record(connection, Event(EventCode.LOGIN, "E", 0, actor_of(account, address), detail={"way": way}))


def record_logout(connection: Connection, account: Account, *, address: str) -> None:
    """Record that somebody logged out."""
    record(connection, Event(EventCode.LOGOUT, "E", 0, actor_of(account, address)))


def record_refusal(engine: Engine, account: Account | None, *, why: str, address: str) -> None:
    """Record that a login failed: password, code, wait or what a provider said.

    A name that nobody has is not recorded: people type passwords into the wrong field.
    """
    actor = actor_of(account, address) if account else Actor("person", "unknown", address=address)
    record_now(engine, Event(EventCode.LOGIN, "E", 4, actor, detail={"why": why}))


def record_change(connection: Connection, actor: Actor, account: Account, what: str) -> None:
    """Record that an account was changed: what is a word or two, such as `password` or `token made: pacs`."""
    detail = {"account": account.name, "what": what}
    record(connection, Event(EventCode.USER_SECURITY_CHANGED, "U", 0, actor, detail=detail))
