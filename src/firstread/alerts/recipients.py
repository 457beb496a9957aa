"""Whom a step of a chain means: people with accounts, addresses of the site's, everybody who may acknowledge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from firstread.access.accounts.account import Account, accounts_with, folded
from firstread.archive.names import person_key

ANYONE = "anyone"


@dataclass(frozen=True)
class Person:
    """Somebody who is told; `key` is the same for the same person whatever named them.

    `account` is None for who has none: such a person is reached by mail alone, `anyone` in the browser alone.
    """

    key: str
    name: str
    email: str = ""
    account: int | None = None

    @property
    def has_browser(self) -> bool:
        """Whether a page that they look at can tell them."""
        return self.account is not None or self.key == ANYONE


class Directory(Protocol):
    """Who has accounts here."""

    def with_role(self, connection: Connection, role: str, department: str) -> Sequence[Person]:
        """Return those with a role, of a department unless it is ""."""

    def referring(self, connection: Connection, name: str) -> Sequence[Person]:
        """Return whom DICOM means by a Referring Physician's Name."""

    def named(self, connection: Connection, account: str) -> Sequence[Person]:
        """Return the account of a name."""


class Accounts:
    """The directory of the node's own accounts: persons who are not disabled."""

    def with_role(self, connection: Connection, role: str, department: str) -> Sequence[Person]:
        """Return those with a role, of a department unless it is ""."""
        return [_person(each) for each in accounts_with(connection, role=role, department=department or None)]

    def referring(self, connection: Connection, name: str) -> Sequence[Person]:
        """Return those whom DICOM calls so, as names of persons are compared."""
        wanted = person_key(name)
        return [
            _person(each)
            for each in accounts_with(connection)
            if wanted in {person_key(own) for own in each.referring_names}
        ]

    def named(self, connection: Connection, account: str) -> Sequence[Person]:
        """Return the account of a name."""
        wanted = folded(account)
        return [_person(each) for each in accounts_with(connection) if folded(each.name) == wanted]


def key_of_account(name: str) -> str:
    """Return the key of a person with an account."""
    return f"account:{folded(name)}"


def _person(account: Account) -> Person:
    return Person(key_of_account(account.name), account.shown, account.email, account.id)


def people(
    connection: Connection, to: Sequence[str], directory: Directory, *, referring: str
) -> tuple[Person, ...]:
    """Return whom the words of a step mean, each once.

    Args:
        connection: Of the archive's database.
        to: As `Step.to` has them.
        directory: Who has accounts.
        referring: Referring Physician's Name of the study, "" where it has none.
    """
    found: dict[str, Person] = {}
    for word in to:
        for person in _meant(connection, word, directory, referring):
            found.setdefault(person.key, person)
    return tuple(found.values())


def _meant(connection: Connection, word: str, directory: Directory, referring: str) -> Sequence[Person]:
    kind, _, rest = word.partition(":")
    match kind:
        case "anyone":
            return (Person(ANYONE, ANYONE),)
        case "referring":
            return directory.referring(connection, referring) if referring else ()
        case "role":
            role, _, department = rest.partition("@")
            return directory.with_role(connection, role, department)
        case "account":
            return directory.named(connection, rest)
        case _:
            return (Person(f"email:{rest.lower()}", rest, email=rest),)
