"""What can go wrong with a provider."""

from typing import Literal

from firstread.errors import FirstreadError

Why = Literal["failed", "away", "unknown", "taken", "disabled"]


class OidcProblem(FirstreadError):
    """Nobody is logged in by the provider.

    `why` is failed (what came back is not what was asked for, or not the provider's), away (it does not answer),
    unknown (no claim gives a role), taken (somebody else has the name) or disabled. The message quotes nothing that
    came from outside.
    """

    def __init__(self, message: str, *, why: Why = "failed", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.why: Why = why
