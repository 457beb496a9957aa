"""How long work tells how far it is, and how it is stopped."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0.0 to 1.0.

Raising `firstread.errors.Cancelled` inside the callback stops the work: it lets go of what it
holds and passes the exception on.
"""


def silent(stage: str, share: float) -> None:
    """Ignore progress."""
