"""Who may do what: people and programs, their rights, and the record of what they did."""

from firstread.access.action import Action
from firstread.access.actor import Actor
from firstread.access.gate import Door, Grant, needs

__all__ = ["Action", "Actor", "Door", "Grant", "needs"]
