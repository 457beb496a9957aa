"""The command `firstread`."""

import os
import signal
import sys
from types import FrameType

UNEXPECTED = 5
DEBUG_VARIABLE = "FIRSTREAD_DEBUG"


def main() -> None:
    """Run the command line; ends the process with an exit code of docs/reference/exit-codes.md."""
    from firstread.cli.app import app
    from firstread.errors import FirstreadError

    signal.signal(signal.SIGTERM, _leave)
    try:
        app(prog_name="firstread")
    except FirstreadError as problem:
        _say(f"firstread: {problem}", problem)
        sys.exit(problem.exit_code)
    except MemoryError as problem:
        _say("firstread: out of memory. A chest CT needs about 3 GB.", problem)
        sys.exit(UNEXPECTED)
    except Exception as problem:
        # Only the kind of error: its text could quote the input, and so a patient.
        _say(
            f"firstread: unexpected {type(problem).__name__}; this is a fault of firstread. "
            f"Run again with {DEBUG_VARIABLE}=1 for the details that a bug report needs.",
            problem,
        )
        sys.exit(UNEXPECTED)


def _leave(number: int, frame: FrameType | None) -> None:
    """End as after an error, so that what was begun is cleaned up (SIGTERM alone would leave it)."""
    sys.exit(128 + number)


def _say(message: str, problem: BaseException) -> None:
    if os.environ.get(DEBUG_VARIABLE) == "1":
        import traceback

        traceback.print_exception(problem, file=sys.stderr)
    print(message, file=sys.stderr)
