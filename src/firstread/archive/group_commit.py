"""Many callers, one commit: whoever finds nobody committing commits for all who wait."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
MOST = 256  # items a commit: so that one waits no longer than a few hundred milliseconds


class _Waiting(Generic[Item]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.error: BaseException | None = None


class GroupCommit(Generic[Item]):
    """Hands items to `commit` in groups; there is no thread of its own, and nobody waits for company.

    While one group is being committed the next gathers, so groups are as large as the callers are many and
    the disk is slow, and a caller alone waits for nothing but its own commit.

    Args:
        commit: Makes every item of a list durable. What it raises, every caller of that group gets.
        most: Items a group.
    """

    def __init__(self, commit: Callable[[list[Item]], None], *, most: int = MOST) -> None:
        self._commit = commit
        self._most = most
        self._changed = threading.Condition()
        self._waiting: list[_Waiting[Item]] = []
        self._committing = False

    def submit(self, item: Item) -> None:
        """Return when the item is durable; raise what its commit raised."""
        mine = _Waiting(item)
        with self._changed:
            self._waiting.append(mine)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: mine.done or not self._committing)
                if mine.done:
                    break
                self._committing = True
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._lead(group)
        if mine.error is not None:
            raise mine.error

    def _lead(self, group: list[_Waiting[Item]]) -> None:
        error: BaseException | None = None
        try:
            self._commit([each.item for each in group])
        except BaseException as raised:
            error = raised
        with self._changed:
            for each in group:
                each.done, each.error = True, error
            self._committing = False
            self._changed.notify_all()
