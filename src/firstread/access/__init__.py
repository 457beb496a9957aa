"""Who may do what: people and programs, their rights, and the record of what they did."""

from typing import TYPE_CHECKING, Any

from firstread.access.action import Action
from firstread.access.actor import Actor

if TYPE_CHECKING:
    from firstread.access.gate import Door, Grant, needs

__all__ = ["Action", "Actor", "Door", "Grant", "needs"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    """Load the gate, and the web framework with it, for who asks for it; the command line names actions only."""
    if name not in __all__:
        raise AttributeError(name)
    from firstread.access import gate

    return getattr(gate, name)
