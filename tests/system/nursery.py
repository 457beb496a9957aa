"""A process that has imported firstread and forks its commands, which then start in a blink.

    nursery.py MODULE…    one request a line, as JSON: {"arguments": […], "environment": {…}, "log": FILE};
                          answered with the process id

A command that is forked here runs as `python -m firstread.cli ARGUMENTS` would, in a session of its own.
"""

import importlib
import json
import os
import signal
import sys


def main() -> None:
    """Answer requests until there are no more."""
    for module in ("firstread.cli", *sys.argv[1:]):
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(request)
        print(pid, flush=True)


def _become(request: dict) -> None:
    from firstread.cli import main as firstread

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(request["environment"])
    sys.argv = ["firstread", *request["arguments"]]
    code = 1
    try:
        firstread()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
