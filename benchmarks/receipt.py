"""Compare how fast a series is received over loopback: firstread, Orthanc, dcmtk's storescp, a bare pynetdicom SCP.

Every listener gets the same files from dcmtk's storescu, over one association and over several, in the same run. What
firstread acknowledges is on the disk and in its database; the bare SCP only writes files, and flushes nothing.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks.one_read import RESULTS, host  # noqa: E402

PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LISTENERS = ("firstread", "bare pynetdicom", "storescp", "Orthanc")
AE_TITLE = "RECEIVER"
Runs = dict[str, dict[int, list[float]]]  # by listener and number of associations
BARE = """
import sys
from pathlib import Path
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom.sop_class import Verification
folder = Path(sys.argv[2])
def store(event):
    (folder / event.request.AffectedSOPInstanceUID).write_bytes(event.encoded_dataset())
    return 0x0000
entity = AE("RECEIVER")
entity.maximum_pdu_size = 131072
entity.add_supported_context(Verification)
for context in AllStoragePresentationContexts:
    entity.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
entity.maximum_associations = 100
entity.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store)])
"""


def main() -> None:
    """Run the comparison, print it as a table, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--series", type=Path, help="folder of DICOM files (default: the shared LIDC-IDRI-0002)"
    )
    parser.add_argument(
        "--associations", type=int, nargs="+", default=[1, 4], help="numbers to run (default: 1 4)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, alternating (default: 3)")
    parser.add_argument(
        "--open", type=int, default=50, help="associations held open for the memory (default: 50)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=LISTENERS, default=list(LISTENERS), help="listeners to run"
    )
    parser.add_argument("--json", type=Path, default=RESULTS / "receipt.json", help="file to write")
    options = parser.parse_args()
    series = options.series or (
        Path(os.environ.get("FIRSTREAD_TEST_DATA") or ROOT.parent / "shared" / "data") / "ct" / "lidc-0002"
    )
    files = sorted(series.glob("*.dcm"))
    if not files or shutil.which("storescu", path=PATHS) is None:
        sys.exit("Skipped: no series here (--series), or dcmtk's storescu is not installed.")
    missing = {
        name
        for name in options.only
        if name in ("storescp", "Orthanc") and not shutil.which(name, path=PATHS)
    }
    for name in sorted(missing):
        print(f"Not compared: {name} is not installed.", file=sys.stderr)
    listeners = [name for name in options.only if name not in missing]

    rates: Runs = {name: {n: [] for n in options.associations} for name in listeners}
    cpu: Runs = {name: {n: [] for n in options.associations} for name in listeners}
    for repeat in range(options.repeats):
        for name in listeners:
            for count in options.associations:
                a_second, ms = rate(name, files, count)
                rates[name][count].append(a_second)
                cpu[name][count].append(ms)
                told = f"{name}, {count} associations, {repeat + 1}/{options.repeats}"
                print(f"{told}: {a_second:.1f} instances/s, {ms:.2f} ms of CPU each", file=sys.stderr)
    print_table(medians(rates), options.associations)
    print("\nCPU of the listener (ms an instance), which depends less on what else the machine does:")
    told = {
        name: of for name, of in medians(cpu).items() if name != "storescp"
    }  # it does not wait for its children
    print_table(told, options.associations, what="ms", ratio=False)
    memory = memory_with(options.open, files[0]) if "firstread" in listeners else {}
    if memory:
        each = (memory["open"] - memory["alone"]) / options.open
        print(
            f"\nfirstread's memory: {memory['alone']:.0f} MiB alone, {memory['open']:.0f} MiB with {options.open} "
            f"associations that have each sent an instance, {each:.2f} MiB each; "
            f"{memory['cpu_percent']:.1f} % of a core while they wait."
        )
    report = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": host(),
        "instances": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "instances_per_s": rates,
        "cpu_ms_an_instance": cpu,
        "memory_mib": memory,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def medians(runs: Runs) -> dict[str, dict[int, float]]:
    """Return the median of each listener's runs."""
    return {name: {n: statistics.median(each) for n, each in of.items()} for name, of in runs.items()}


def cpu_s(process: psutil.Process) -> float:
    """Return the processor seconds of a process and of its children that have ended."""
    return sum(process.cpu_times()[:4])


def rate(name: str, files: list[Path], associations: int) -> tuple[float, float]:
    """Return how many instances a second an empty listener acknowledges, and its CPU time of each (ms)."""
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        listening(name, Path(folder)) as (port, process),
    ):
        commands = [
            [
                shutil.which("storescu", path=PATHS),
                "-xt",
                "-aec",
                AE_TITLE,
                "127.0.0.1",
                str(port),
                *map(str, part),
            ]
            for part in (files[n::associations] for n in range(associations))
        ]
        cpu, start = cpu_s(process), time.perf_counter()
        senders = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
        failures = [told for sender in senders if (told := sender.communicate()[1]) and sender.returncode]
        seconds = time.perf_counter() - start
        if failures:
            sys.exit(f"storescu could not send to {name}: {failures[0]}")
        return len(files) / seconds, 1000 * (cpu_s(process) - cpu) / len(files)


def memory_with(count: int, file: Path) -> dict[str, float]:
    """Return the resident memory (MiB) of firstread before and after so many associations sent, and stay open."""
    from pydicom import dcmread
    from pynetdicom import AE

    dataset = dcmread(file)
    made = []
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        listening("firstread", Path(folder)) as (port, process),
    ):
        alone = process.memory_info().rss / 2**20
        for n in range(count):
            entity = AE(f"SENDER{n}")
            entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
            made.append(entity.associate("127.0.0.1", port, ae_title=AE_TITLE))
            made[-1].send_c_store(dataset)
        held = process.memory_info().rss / 2**20
        process.cpu_percent()
        time.sleep(2)
        idle = process.cpu_percent()
        for association in made:
            association.release()
    return {"alone": alone, "open": held, "cpu_percent": idle}


@contextmanager
def listening(name: str, folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Start a listener on a free port, with an empty store in a folder, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = STARTS[name](port, folder, environment)
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit(f"{name} did not start.")
        time.sleep(0.5)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def start_firstread(port: int, folder: Path, environment: dict[str, str]) -> list[str]:
    """Return the command that starts firstread; its settings go into the environment."""
    environment |= {
        "FIRSTREAD_ARCHIVE_DIR": str(folder / "archive"),
        "FIRSTREAD_DICOM_AE_TITLE": AE_TITLE,
        "FIRSTREAD_DICOM_PORT": str(port),
        "FIRSTREAD_DICOM_CALLERS": "any",
        "FIRSTREAD_DICOM_ASSOCIATIONS": "100",
    }
    return [sys.executable, "-m", "firstread.cli", "serve", "--role", "scp", "--quiet"]


def start_bare(port: int, folder: Path, _: dict[str, str]) -> list[str]:
    """Return the command that starts a pynetdicom SCP that writes files, as its documentation has it."""
    return [sys.executable, "-c", BARE, str(port), str(folder)]


def start_storescp(port: int, folder: Path, _: dict[str, str]) -> list[str]:
    """Return the command that starts dcmtk's storescp, a process an association."""
    return [
        str(shutil.which("storescp", path=PATHS)),
        "--fork",
        "+xa",
        "-aet",
        AE_TITLE,
        "-od",
        str(folder),
        str(port),
    ]


def start_orthanc(port: int, folder: Path, _: dict[str, str]) -> list[str]:
    """Return the command that starts Orthanc, which is configured as it comes but for its ports and folders."""
    configuration = {
        "Name": AE_TITLE,
        "DicomAet": AE_TITLE,
        "DicomPort": port,
        "HttpServerEnabled": False,
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    return [str(shutil.which("Orthanc", path=PATHS)), str(folder / "orthanc.json")]


STARTS: dict[str, Callable[[int, Path, dict[str, str]], list[str]]] = {
    "firstread": start_firstread,
    "bare pynetdicom": start_bare,
    "storescp": start_storescp,
    "Orthanc": start_orthanc,
}


def print_table(
    measured: dict[str, dict[int, float]],
    associations: list[int],
    *,
    what: str = "instances/s",
    ratio: bool = True,
) -> None:
    """Print a row a listener, with firstread's share of each where the ratio means something."""
    heads = [f"{n} association{'s' if n > 1 else ''}" for n in associations]
    between = " | firstread's are | " if ratio else " | "
    print(f"| {what} | {between.join(heads)}{between.rstrip() if ratio else ' |'}")
    print("| --- " * (1 + len(heads) * (2 if ratio else 1)) + "|")
    for name, of in measured.items():
        cells = ""
        for n in associations:
            ours = measured.get("firstread", {}).get(n)
            share = f" {f'× {ours / of[n]:.2f}' if ours and name != 'firstread' else ''} |" if ratio else ""
            cells += f" {of[n]:.1f} |{share}"
        print(f"| {name} |{cells}")


if __name__ == "__main__":
    main()
