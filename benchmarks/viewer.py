"""What a viewer does to the web service: it opens a series of 1,000 slices and asks for all its frames at once.

The slices are synthetic, received by a real archive; a real `firstread serve --role api` is asked over as many
connections as frames, none of which waits for another. Every frame has to come whole. Run it from the repository:

    .venv/bin/python benchmarks/viewer.py
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # tests/ is not installed

from firstread.archive import Part10, open_archive  # noqa: E402
from tests.dicom.ct_series import EXPLICIT, JPEG_LS, anatomy, ct_series, encode  # noqa: E402
from tests.dicom.ct_series import ROOT as UID  # noqa: E402

KINDS = (
    ("pixels", "application/octet-stream"),
    ("as stored", "image/jls, application/octet-stream;q=0.5"),
)
SERIES = f"/dicom-web/studies/{UID}.1/series/{UID}.1.1"


async def frame(port: int, number: int, accept: str, answered: list[float]) -> int:
    """Return the bytes of one frame, over a connection of its own.

    Raises:
        RuntimeError: it was not answered with the whole frame.
    """
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = f"{SERIES}/instances/{UID}.1.1.{number}/frames/1"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read(-1)
    writer.close()
    headers, _, body = answer.partition(b"\r\n\r\n")
    length = headers.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    if not headers.startswith(b"HTTP/1.1 200") or len(body) != int(length):
        raise RuntimeError(f"frame {number}: {headers[:60]!r}, {len(body)} bytes")
    answered.append(time.perf_counter() - start)
    return len(body)


async def at_once(port: int, count: int, accept: str) -> tuple[float, int, list[float], int]:
    """Ask for all frames at once; return the seconds, the bytes, the seconds of each, and how many failed."""
    answered: list[float] = []
    start = time.perf_counter()
    asked = (frame(port, n, accept, answered) for n in range(1, count + 1))
    found = await asyncio.gather(*asked, return_exceptions=True)
    failed = [each for each in found if isinstance(each, BaseException)]
    if failed:
        print(f"  first failure: {failed[0]!r}", file=sys.stderr)
    size = sum(each for each in found if isinstance(each, int))
    return time.perf_counter() - start, size, answered, len(failed)


def peak_mib(process: psutil.Process) -> float:
    """Return the largest resident memory of a process since it was last reset (MiB)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Fill an archive, serve it, ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--side", type=int, default=512, help="rows and columns of a slice (default: 512)")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 100, 1000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        print(f"Receiving {options.slices} slices ...", file=sys.stderr)
        with open_archive(Path(folder) / "archive") as archive:
            shown = anatomy(1, options.side)
            for n in range(options.slices):
                (ds,) = ct_series(shown)
                ds.SOPInstanceUID, ds.InstanceNumber = f"{UID}.1.1.{n + 1}", n + 1
                archive.receive(Part10.parse(encode(ds, JPEG_LS if n % 2 else EXPLICIT)))
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "FIRSTREAD_ARCHIVE_DIR": f"{folder}/archive",
            "FIRSTREAD_API_PORT": "0",
            "FIRSTREAD_API_LOCAL_ROLES": "administrator",
        }
        command = [sys.executable, "-m", "firstread.cli", "serve", "--role", "api", "--json", "--quiet"]
        served = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert served.stdout is not None
            port = json.loads(served.stdout.readline())["api"]["port"]
            requests.get(f"http://127.0.0.1:{port}{SERIES}/metadata", timeout=600).raise_for_status()
            process = psutil.Process(served.pid)
            before = process.memory_info().rss / 2**20
            print(f"{options.slices} slices of {options.side} × {options.side}, every other one JPEG-LS")
            print(f"  memory before: {before:.0f} MiB")
            for kind, accept in KINDS:
                for count in options.at_once:
                    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
                    seconds, size, answered, failed = asyncio.run(at_once(port, count, accept))
                    print(
                        f"  {kind:10} {count:5} at once: {seconds:6.2f} s, {size / 1e6:6.0f} MB, "
                        f"{count / seconds:5.0f} frames/s, median {statistics.median(answered):5.2f} s, "
                        f"{failed} failed, peak {peak_mib(process):.0f} MiB"
                    )
        finally:
            served.terminate()
            served.wait(30)


if __name__ == "__main__":
    main()
