"""A worker as a process of its own: python -m tests.workflow.worker_process FOLDER [URL], until SIGTERM."""

import logging
import signal
import sys
import threading
from pathlib import Path

from firstread.archive import open_archive
from firstread.settings import load_settings
from firstread.workflow.worker import Worker


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with (
        open_archive(Path(sys.argv[1]), url=sys.argv[2] or None) as archive,
        Worker(archive, load_settings()) as worker,
    ):
        print(worker.name, flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
