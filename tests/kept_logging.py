"""What `configure_logs` changes in a process, put back."""

import logging
import sys
import threading
from contextlib import contextmanager

import pytest


@contextmanager
def kept_logging():
    """Put the handlers, levels and hooks back when the block ends."""
    loggers = [logging.getLogger(), logging.getLogger("firstread")]
    before = [(each, each.handlers[:], each.level) for each in loggers]
    with pytest.MonkeyPatch.context() as patch:
        for place, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
            patch.setattr(place, name, getattr(place, name))
        patch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
        yield
    for each, handlers, level in before:
        each.handlers[:] = handlers
        each.setLevel(level)
