"""What was recorded a moment ago, so that a viewer that asks for a thousand slices is one event and not a thousand."""

import threading
from collections.abc import Hashable
from time import monotonic

FOR_S = 300.0
_MOST = 10_000


class Recently:
    """Keys of events, each for five minutes after it was recorded; of this process alone.

    PS3.15 A.5.3.6: that instances are accessed is one event a study, not one an instance.
    """

    def __init__(self, for_s: float = FOR_S) -> None:
        self._for_s = for_s
        self._until: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def has(self, key: Hashable) -> bool:
        """Tell whether it was recorded."""
        return self._until.get(key, 0.0) > monotonic()

    def add(self, key: Hashable) -> None:
        """Remember that it was recorded."""
        with self._lock:
            if len(self._until) >= _MOST:
                at = monotonic()
                self._until = {each: until for each, until in self._until.items() if until > at}
                if len(self._until) >= _MOST:  # rather too many events than memory without end
                    self._until.clear()
            self._until[key] = monotonic() + self._for_s
