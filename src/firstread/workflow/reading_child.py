"""The process that reads: requests come as JSON lines on standard input, answers go to a pipe of their own.

    python -m firstread.workflow.reading_child DESCRIPTOR ENGINE

Each request is a `ReadRequest`; each answer is a stage with its share, or the verdict that ends the read. The engine
lives as long as the process, so that the second read finds the networks loaded. When standard input ends, the worker
is gone, and this process goes too, in the middle of a read.
"""

import json
import os
import queue
import resource
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firstread.engine import Placement

NICENESS = 10  # receiving goes before reading
OOM_SCORE = 500
TELL_EVERY_S = 0.2


def main() -> None:
    """Read until standard input ends."""
    answers = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8", buffering=1)
    options = json.loads(sys.argv[2])
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an image of memory would hold the patient's images
    with suppress(OSError):  # where memory runs out, this process goes, and not its worker (proc(5))
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()

    from firstread.engine import Engine
    from firstread.workflow import read_study  # noqa: F401 - so that the first read need not wait for it

    place = _place(options)
    with Engine(
        threads=None if place else _threads(options),
        placement=place,
        precision=options["precision"],
        cache_dir=Path(options["cache_dir"]),
        models=[Path(folder) for folder in options["models"]],
    ) as engine:
        while True:
            verdict, error = _read(json.loads(requests.get()), engine, answers)
            print(json.dumps({"verdict": verdict, "error": error}), file=answers)


def _listen(requests: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _place(options: dict[str, Any]) -> "Placement | None":
    """Return the cores and the memory that this child has to itself; None: it shares the worker's."""
    from firstread.engine import Placement

    told = options["placement"]
    return Placement(**(told | {"processors": tuple(told["processors"])})) if told else None


def _threads(options: dict[str, Any]) -> int:
    """Return this child's share of the cores that the worker was granted."""
    from firstread.engine import cpu

    granted = cpu.granted(override=options["threads"]).threads
    return max(1, granted // int(options["shared_by"]))


def _read(request: dict[str, Any], engine: Any, answers: Any) -> tuple[str, str]:  # noqa: ANN401 - imported late
    from firstread.errors import ArchiveUnavailable, DiskFull, FirstreadError, NothingReadable, RefusedInput
    from firstread.errors import UsageError as Unusable
    from firstread.workflow.read_study import read_study

    told, told_at = "", 0.0

    def tell(stage: str, share: float) -> None:
        nonlocal told, told_at
        if stage != told or time.monotonic() - told_at > TELL_EVERY_S:
            told, told_at = stage, time.monotonic()
            print(json.dumps({"stage": stage, "share": share}), file=answers)

    try:
        read_study(
            [Path(file) for file in request["files"]],
            request["out"],
            reader=request["reader"],
            lang=request["lang"],
            study_uid=request["study_uid"],
            series_uid=request["series_uid"],
            prior=request["prior"],
            predecessor=Path(request["predecessor"]) if request["predecessor"] else None,
            engine=engine,
            progress=tell,
        )
    except (Unusable, NothingReadable, RefusedInput) as problem:
        return "refused", str(problem)
    except (DiskFull, ArchiveUnavailable) as problem:
        return "no room", str(problem)
    except FirstreadError as problem:
        return "failed", str(problem)
    except MemoryError:
        return "failed", "Out of memory."
    except Exception as problem:
        # Only the kind of error: its text could quote the input, and so a patient.
        return "failed", f"Unexpected {type(problem).__name__} in the reader."
    return "read", ""


if __name__ == "__main__":
    main()
