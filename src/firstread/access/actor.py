"""Who acts."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["person", "service", "node", "local"]


@dataclass(frozen=True)
class Actor:
    """Somebody or something that asks for patient data or changes it.

    Args:
        kind: A person with an account; a program with a token; a DICOM node; or whoever calls from this computer,
            at the command line or without an account.
        name: Unique within its kind: the account's name, the AE title, the user of the operating system.
        account: Key of the account, where there is one.
        roles: Names of its roles.
        departments: Names of the departments that it belongs to.
        scopes: The only actions that its token is for; None: whatever its roles allow.
        address: From where it calls, "" from this computer.
    """

    kind: Kind
    name: str
    account: int | None = None
    roles: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    address: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """Return `KIND:NAME`, by which rules and lists name it."""
        return f"{self.kind}:{self.name}"
