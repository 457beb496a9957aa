"""What the audit trail costs a query: the same worklist queries over HTTP with the trail and without, in turns.

Both apps serve the same archive; without the trail is the same app with that one middleware taken out. A turn asks
both for a few queries, in an order that changes from turn to turn, and gives one ratio: what else the machine does
meets both. Printed are CPU milliseconds of the server's process a request (the client is another process, and so is
PostgreSQL) and wall milliseconds, and of both the median of the ratios with its 95 % interval, from the order of the
ratios alone. The bar is on CPU time: on a busy machine the wall clock tells how long processes wait for a core. Run
it from the repository:

    .venv/bin/python benchmarks/audit_overhead.py [--studies N] [--turns N] [--requests N] [--url postgresql://…]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # benchmarks/ is not installed

from benchmarks.dicomweb import fill
from firstread.archive import Archive, open_archive
from firstread.web import create_app
from firstread.web.audited import Audited
from firstread.web.listen import listen, service

BAR = 1.10
QUERY = "/dicom-web/studies?StudyDate=20180101-&ModalitiesInStudy=CT&limit=50"
WARM = 30  # requests of each before anything counts
Z = 1.96  # of a 95 % interval
_CLIENT = """
import http.client, sys, time
connections = {}
for line in sys.stdin:
    port, requests, query = line.split()
    connection = connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", int(port)))
    start = time.perf_counter()
    for _ in range(int(requests)):
        connection.request("GET", query)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    print(time.perf_counter() - start, flush=True)
"""


@contextmanager
def running(archive: Archive, *, audited: bool) -> Iterator[int]:
    """Yield the port of a server."""
    app = create_app(archive, keep_metadata=False)
    if not audited:
        app.user_middleware = [each for each in app.user_middleware if each.cls is not Audited]
    socket = listen("127.0.0.1", 0)
    server = service(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield socket.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


class Client:
    """A process that asks, over connections that stay open."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, port: int, requests: int) -> tuple[float, float]:
        """Return CPU milliseconds of this process and wall milliseconds, a request."""
        assert self._process.stdin is not None and self._process.stdout is not None
        before = process_time()
        self._process.stdin.write(f"{port} {requests} {QUERY}\n")
        self._process.stdin.flush()
        wall = self._process.stdout.readline()
        cpu = process_time() - before
        if not wall:
            sys.exit("a request was not answered")
        return 1000 * cpu / requests, 1000 * float(wall) / requests

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and its 95 % interval: the values at the ranks that the binomial distribution gives."""
    ordered = sorted(values)
    away = Z * len(ordered) ** 0.5 / 2
    low = max(0, int(len(ordered) / 2 - away))
    high = min(len(ordered) - 1, int(len(ordered) / 2 + away))
    return statistics.median(ordered), ordered[low], ordered[high]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=250)
    parser.add_argument("--requests", type=int, default=2, help="of each kind a turn (default: 2)")
    parser.add_argument("--url", help="an empty PostgreSQL database in place of SQLite")
    chosen = parser.parse_args()
    turns: list[dict[bool, tuple[float, float]]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        open_archive(Path(folder) / "archive", url=chosen.url) as archive,
    ):
        fill(archive, chosen.studies)
        client = Client()
        with running(archive, audited=True) as with_it, running(archive, audited=False) as without:
            ports = {True: with_it, False: without}
            for port in ports.values():
                client.ask(port, WARM)
            for turn in range(chosen.turns):
                order = (True, False) if turn % 2 else (False, True)
                turns.append({audited: client.ask(ports[audited], chosen.requests) for audited in order})
            client.close()
        database = archive.engine.dialect.name
    told: dict[str, object] = {"database": database, "turns": len(turns)}
    for at, name in enumerate(("cpu", "wall")):
        ratio, low, high = median_interval([turn[True][at] / turn[False][at] for turn in turns])
        if name == "cpu":
            met = ratio <= BAR
        told[name] = {
            "audited_ms": round(statistics.median(turn[True][at] for turn in turns), 3),
            "plain_ms": round(statistics.median(turn[False][at] for turn in turns), 3),
            "ratio": round(ratio, 3),
            "interval": [round(low, 3), round(high, 3)],
        }
        print(
            f"{database}: the trail costs {100 * (ratio - 1):.1f} % of a query's {name} time "
            f"(95 % interval {100 * (low - 1):.1f} to {100 * (high - 1):.1f} %); the bar is {100 * (BAR - 1):.0f} %"
        )
    print(json.dumps(told))
    sys.exit(not met)


if __name__ == "__main__":
    main()
