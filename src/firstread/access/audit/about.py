"""What a route says of its request for the audit trail, beyond what its path says."""

from dataclasses import dataclass, field
from typing import Any

from starlette.types import Scope

_KEY = "firstread.about"


@dataclass
class About:
    """What a request was about.

    Attributes:
        studies: Instances that were stored or sent, by the study's UID.
        told: The route has recorded it, in the transaction of what it did.
        detail: What else an auditor wants to know.
    """

    studies: dict[str, int] = field(default_factory=dict)
    told: bool = False
    detail: dict[str, str] = field(default_factory=dict)


def about(scope: Scope) -> About:
    """Return what is known of a request; a route may add to it."""
    made: Any = scope.setdefault(_KEY, About())
    assert isinstance(made, About)
    return made
