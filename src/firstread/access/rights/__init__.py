"""Rights: rules kept as data, and what they let an actor do on which studies."""

from firstread.access.rights.rights import Decision, Rights

__all__ = ["Decision", "Rights"]
