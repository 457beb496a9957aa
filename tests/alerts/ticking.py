"""A process of clocks, to be killed: `python -m tests.alerts.ticking URL SETTINGS MOMENT`.

The present moment is what the file MOMENT says, ISO 8601; who waits for it to move waits for nothing else.
"""

import json
import os
import sys
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from firstread.alerts.ticker import Ticker
from firstread.archive.database import open_engine
from firstread.errors import ArchiveUnavailable
from firstread.settings import Settings


def main(url, settings, moment):
    ticker = Ticker(
        open_engine(url),
        Settings(**json.loads(Path(settings).read_text())),
        clock=lambda: datetime.fromisoformat(Path(moment).read_text()),
    )
    print("ticking", flush=True)
    parent = os.getppid()
    pause = threading.Event()
    while os.getppid() == parent:
        with suppress(ArchiveUnavailable):
            ticker.tick()
        pause.wait(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
