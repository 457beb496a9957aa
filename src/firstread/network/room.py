"""Memory that messages under way may take, all associations together."""

import threading


class Room:
    """A number of bytes that is shared; who asks for more than is left gets none.

    Args:
        most: Bytes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take so many bytes; False where there is no room for them."""
        with self._lock:
            if self._taken + size > self._most:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        """Give bytes back that were taken."""
        with self._lock:
            self._taken -= size

    @property
    def taken(self) -> int:
        """Bytes that are taken now."""
        return self._taken
