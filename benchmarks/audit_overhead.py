"""What the audit trail costs a query: the same worklist queries over HTTP with the trail and without, in turns.

Both apps serve the same archive; without the trail is the same app with that one middleware taken out. Printed are
CPU milliseconds of the server's process a request (the client is another process), and their ratio. Run it from the
repository:

    .venv/bin/python benchmarks/audit_overhead.py [--studies N] [--requests N] [--url postgresql://…]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
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
_CLIENT = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for _ in range(int(sys.argv[3])):
    connection.request("GET", sys.argv[2])
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
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


def cpu_ms(port: int, requests: int) -> float:
    """Return the CPU milliseconds of this process a request."""
    before = process_time()
    subprocess.run([sys.executable, "-c", _CLIENT, str(port), QUERY, str(requests)], check=True)
    return 1000 * (process_time() - before) / requests


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--url")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_archive(Path(folder) / "archive", url=chosen.url) as archive,
    ):
        fill(archive, chosen.studies)
        measured: dict[bool, list[float]] = {True: [], False: []}
        with running(archive, audited=True) as with_it, running(archive, audited=False) as without:
            for port in (with_it, without):
                cpu_ms(port, 20)
            for _ in range(chosen.turns):
                measured[True].append(cpu_ms(with_it, chosen.requests))
                measured[False].append(cpu_ms(without, chosen.requests))
    audited, plain = (statistics.median(measured[each]) for each in (True, False))
    ratio = audited / plain
    print(
        json.dumps(
            {"audited_cpu_ms": round(audited, 3), "plain_cpu_ms": round(plain, 3), "ratio": round(ratio, 3)}
        )
    )
    print(f"the trail costs {100 * (ratio - 1):.1f} % of a query; the bar is {100 * (BAR - 1):.0f} %")
    sys.exit(ratio > BAR)


if __name__ == "__main__":
    main()
