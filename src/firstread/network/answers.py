"""An association's own thread takes no answer that another thread waits for.

pynetdicom 3.0 stops that thread at a checkpoint before a request is sent, and believes it stopped a moment too early:
where it has just passed, and the processor is busy, it may take the answer off the queue and drop it. The sender then
waits for its whole timeout, a minute, and sends again.
"""

import threading
from collections.abc import Callable
from typing import Any

from pynetdicom.association import Association

NOTHING = (None, None)


class Checkpoint(threading.Event):
    """Where the association's thread stops before it takes a message; open at first."""

    def __init__(self) -> None:
        super().__init__()
        self._taking = threading.Lock()
        self.set()

    def clear(self) -> None:
        """Close it, when the thread is not taking a message."""
        with self._taking:
            super().clear()

    def message(self, take: Callable[[], Any]) -> Any:  # noqa: ANN401 - as pynetdicom's
        """Return what `take` returns where it is open, and nothing where a sender has closed it."""
        with self._taking:
            return take() if self.is_set() else NOTHING


def keep_answers(association: Association) -> None:
    """Have the thread of an association that was just made look at the checkpoint again before it takes a message."""
    checkpoint = Checkpoint()
    take = association.dimse.get_msg

    def get_msg(block: bool = False) -> Any:  # noqa: ANN401 - as pynetdicom's
        return take(block=True) if block else checkpoint.message(take)

    association.dimse.get_msg = get_msg  # type: ignore[method-assign]
    association._reactor_checkpoint = checkpoint
