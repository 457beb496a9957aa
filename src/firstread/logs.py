"""Log lines, JSON or text, that name no patient whoever writes them.

firstread's own code logs fixed texts with numbers and kinds of errors. Libraries quote what they were given, and what
they were given is patients' data; so of what they log only the words before their values are filled in is shown,
where there are such, and the place. Of an exception the kind and the place are shown, never the text. UIDs become
digests: one study has the same in every line, and whoever has the UID can find its lines.
"""

import logging
import re
import sys
import threading
import traceback
from hashlib import sha256
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, ProcessorReturnValue, WrappedLogger

Format = Literal["auto", "json", "text"]
_OWN = "firstread"
# PS3.5 section 9.1: numbers with dots. Versions and addresses have fewer parts, and are shorter.
_UID = re.compile(r"\d+(?:\.\d+){4,}|(?=[\d.]{16})\d+(?:\.\d+)+")
_FILLED_IN = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")


def configure_logs(format: Format = "auto", level: str = "info", *, stream: TextIO | None = None) -> None:
    """Log everything of this process to a stream, and nothing of it anywhere else.

    Args:
        format: json: one object a line; text: for people; auto: text on a terminal, else json.
        level: Least level of firstread's own lines. Of libraries, warnings and what is worse are logged.
        stream: Default: the error stream.
    """
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    as_json = format == "json" or (format == "auto" and not on_terminal)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                _without_values,
                _without_uids,
            ],
            pass_foreign_args=True,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False)
                if as_json
                else structlog.dev.ConsoleRenderer(colors=on_terminal),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(level.upper())
    logging.raiseExceptions = False  # a line that cannot be written is lost, and its values are not printed
    sys.excepthook = lambda kind, error, trace: _log_uncaught(error)
    sys.unraisablehook = lambda hook: _log_uncaught(hook.exc_value)
    threading.excepthook = lambda hook: _log_uncaught(hook.exc_value)


def digest(uid: str) -> str:
    """Return what stands for a UID in the log: `uid:` and 10 hexadecimal digits of its sha256."""
    return f"uid:{sha256(uid.encode()).hexdigest()[:10]}"


def _without_values(logger: WrappedLogger, method: str, event: EventDict) -> ProcessorReturnValue:
    """Leave out what may quote a patient: texts of exceptions, and the values in lines of libraries."""
    record: logging.LogRecord = event["_record"]
    values = event.pop("positional_args")
    if event["logger"].partition(".")[0] != _OWN:
        words = _FILLED_IN.sub("…", record.msg) if isinstance(record.msg, str) and values else ""
        place = f"{record.module}:{record.lineno}"
        kept = {key: event[key] for key in ("timestamp", "level", "logger", "_record", "_from_structlog")}
        event = {**kept, "event": words or "a library's message", "at": place}
    if record.exc_info and record.exc_info[1] is not None:
        event.update(_kind_and_place(record.exc_info[1]))
    event.pop("exc_info", None)
    event.pop("stack_info", None)
    return event


def _without_uids(logger: WrappedLogger, method: str, event: EventDict) -> ProcessorReturnValue:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _UID.sub(lambda found: digest(found[0]), value)
    return event


def _log_uncaught(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        logging.getLogger(_OWN).error("unexpected failure; a fault of firstread", exc_info=error)


def _kind_and_place(error: BaseException) -> dict[str, Any]:
    """Return the kind of an exception, that of its cause, and the lines of code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    found = {"error": type(error).__name__, "through": [f"{frame.name}:{frame.lineno}" for frame in frames]}
    cause = error.__cause__ or error.__context__
    return found | ({"cause": type(cause).__name__} if cause else {})
