"""Keeps pydicom's remarks on damaged headers off the terminal, but not out of the log."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger("firstread.dicom")
_lock = threading.Lock()
_depth = 0
_undo: list[Any] = []


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Level and place only: the text can quote a value, and a value can be the patient's name.
        _log.debug("pydicom %s at %s:%d", record.levelname, record.module, record.lineno)


def _note(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
    _log.debug("%s at %s:%d", category.__name__, filename.rpartition("/")[2], lineno)


@contextmanager
def quiet() -> Iterator[None]:
    """Turn pydicom's warnings and log lines into debug lines of "firstread.dicom" while the block runs.

    Warning filters are a setting of the whole process, so blocks that overlap in several threads share one
    change: the first to enter makes it, the last to leave takes it back.
    """
    global _depth
    logger = logging.getLogger("pydicom")
    with _lock:
        _depth += 1
        if _depth == 1:
            caught = warnings.catch_warnings()
            caught.__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _note  # type: ignore[assignment]
            handler = _Forward()
            logger.addHandler(handler)
            _undo.extend([caught, handler, logger.propagate])
            logger.propagate = False
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                caught, handler, propagate = _undo
                _undo.clear()
                logger.removeHandler(handler)
                logger.propagate = propagate
                caught.__exit__(None, None, None)
