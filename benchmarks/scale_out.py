"""Reads an hour with 1, 2 and 4 workers, and how long emergencies wait while two hundred routine studies do.

Each worker is a process of `firstread serve --role worker` in a control group with a fixed share of the CPU, so that
four fit on one small computer as they would on four: what is measured is what workers cost each other over the
database and the disk, not what the cores do.

Throughput is of the real reader on phantoms. The burst is of a quick reader that finds nothing, for the queue is what
is measured: the studies are small, and each still becomes a whole result folder.

    .venv/bin/python benchmarks/scale_out.py [--share 0.4] [--seconds 240] [--waiting 200]
"""

import argparse
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.uid import generate_uid
from sqlalchemy import func, select

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ and tests/ are not installed

from benchmarks.one_read import RESULTS, host, write_report  # noqa: E402
from firstread.archive import Archive, Part10, open_archive  # noqa: E402
from firstread.archive.database import reading  # noqa: E402
from firstread.archive.models import Job  # noqa: E402
from firstread.phantom import make_phantom  # noqa: E402
from firstread.phantom.series import write_series  # noqa: E402
from tests import postgres  # noqa: E402

GROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
STARTED_S = 180.0
WARMING = 4  # reads before anything is measured
ROUTES = [
    {"name": "emergency", "reader": "READER", "priority": "stat", "when": {"source": "ER"}},
    {"name": "routine", "reader": "READER", "when": {"modality": "CT"}},
]
QUICK = '''
from firstread.dicom.choose import choose_series
from firstread.findings import Acquisition, ReaderIdentity, ReadResult, Timings
class QuickReader:
    """Finds nothing, at once."""
    name, version = "quick", "1.0"
    def accepts(self, series):
        return series.modality == "CT"
    def read(self, study, engine, *, prior=None, progress=None):
        choice = choose_series(study)
        volume = study.volume(choice.series)
        return ReadResult(
            study_uid=study.study_uid, series_uid=choice.series.uid,
            reader=ReaderIdentity(name=self.name, version=self.version),
            acquisition=Acquisition(
                modality="CT", slices=len(volume.sources), spacing_mm=volume.geometry.spacing_mm,
            ),
            timings_s=Timings(load=0.0),
        )
'''


class Site:
    """An archive, and workers over it.

    Args:
        archive: Where studies are put; over the network would be the same, and slower.
        settings: Of the workers, as the environment has them.
        share: Cores that each worker may take.
    """

    def __init__(self, archive: Archive, settings: dict[str, str], share: float) -> None:
        self.archive = archive
        self._settings, self._share = settings, share

    def put(self, template: Sequence[Path], source: str) -> str:
        """Put a study of its own into the archive: the template's images under new UIDs. Return its UID."""
        uid, series = generate_uid(), generate_uid()
        for path in template:
            image = dcmread(path)
            image.StudyInstanceUID, image.SeriesInstanceUID = uid, series
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            stream = DicomBytesIO()
            image.save_as(stream, enforce_file_format=True)
            self.archive.receive(Part10.parse(stream.getvalue()), source=source)
        return str(uid)

    def jobs(self) -> list[Any]:
        """Return the jobs in the order in which they ended, those that have not ended last."""
        with reading(self.archive.engine) as connection:
            rows = connection.execute(select(Job.id, Job.state, Job.priority, Job.worker, Job.created_at,
                                             Job.started_at, Job.ended_at)).all()  # fmt: skip
        return sorted(rows, key=lambda row: (row.ended_at is None, row.ended_at, row.id))

    def ended(self) -> int:
        """Return how many jobs are done; one that failed ends the benchmark."""
        with reading(self.archive.engine) as connection:
            rows = connection.execute(select(Job.state, func.count()).group_by(Job.state)).all()
        counts = {row.state: row[1] for row in rows}
        if counts.get("failed"):
            sys.exit("A read failed.")
        return counts.get("done", 0)

    @contextmanager
    def workers(self, number: int) -> Iterator[None]:
        """Run so many workers, each in a control group of its own."""
        with ExitStack() as stack:
            for _ in range(number):
                join = stack.enter_context(group(self._share))
                command = [
                    *join,
                    sys.executable,
                    "-m",
                    "firstread.cli",
                    "serve",
                    "--role",
                    "worker",
                    "--quiet",
                ]
                worker = subprocess.Popen(command, env={**os.environ, **self._settings})
                stack.callback(worker.wait)
                stack.callback(worker.terminate)
            yield


@contextmanager
def group(share: float) -> Iterator[list[str]]:
    """Make a control group with a share of the CPU (cores); yield the start of a command that runs in it."""
    version_2 = (GROUPS / "cgroup.controllers").exists()
    folder = (GROUPS if version_2 else GROUPS / "cpu") / f"firstread-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
        quota = int(share * PERIOD_US)
        if version_2:
            (folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
    except OSError as error:
        sys.exit(f"Skipped: no control group with a share of the CPU can be made here ({error.strerror}).")
    try:
        yield ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh"]
    finally:
        wait_until(lambda: not (folder / "cgroup.procs").read_text(), 60.0)
        folder.rmdir()


def main() -> None:
    """Measure, print the tables, and keep the numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="numbers (default: 1 2 4)")
    parser.add_argument("--share", type=float, default=0.4, help="cores a worker may take (default: 0.4)")
    parser.add_argument("--seconds", type=float, default=240.0, help="reading, of each number (default: 240)")
    parser.add_argument(
        "--waiting", type=int, default=200, help="routine studies of the burst (default: 200)"
    )
    parser.add_argument("--stat", type=int, default=8, help="emergencies (default: 8)")
    parser.add_argument("--every", type=float, default=6.0, help="seconds between them (default: 6)")
    parser.add_argument("--json", type=Path, default=RESULTS / "scale-out.json", help="file to write")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:
        folder = Path(place)
        write_series(make_phantom(seed=5, spacing_mm=(2.5, 0.9, 0.9), matrix=384), folder / "phantom")
        phantom = sorted((folder / "phantom").glob("*.dcm"))
        small = phantom[len(phantom) // 2 :][:12]
        rates = {
            number: throughput(folder, phantom, number, options.share, options.seconds)
            for number in options.workers
        }
        bursts = burst(folder, small, options)

    print(f"Each worker has {options.share:g} of a core (quota of its control group) and one thread.\n")
    print(f"Reads of phantoms of {len(phantom)} slices by lung_nodule:\n")
    print("| workers | reads an hour | efficiency |\n| --- | --- | --- |")
    first = min(rates)
    efficiency = {number: rate / (rates[first] * number / first) for number, rate in rates.items()}
    for number, rate in rates.items():
        print(f"| {number} | {rate:.0f} | {100 * efficiency[number]:.0f} % |")
    print(f"\nEmergencies, studies of {len(small)} slices by a reader that finds nothing, 2 workers:\n")
    print("| | from last image to result: median | longest | of it waiting for a worker: median |")
    print("| --- | --- | --- | --- |")
    for name in ("alone", "among waiting"):
        of = bursts[name]
        print(
            f"| {name} | {of['median_s']:.1f} s | {of['longest_s']:.1f} s | {of['waited_median_s']:.1f} s |"
        )
    print(
        f"\n{bursts['routine']} routine studies, {bursts['waiting']} of them waiting when the emergencies began, "
        f"drained at {bursts['routine_per_hour']:.0f} an hour. Routine reads that began while an emergency waited: "
        f"{bursts['overtaken']} in all, for {options.stat} emergencies."
    )
    report = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": host(),
        "share_of_a_core": options.share, "limited_by": "quota of a control group", "slices": len(phantom),
        "reads_per_hour": rates, "efficiency": efficiency, "burst": bursts,
    }  # fmt: skip
    write_report(report, options.json)


def throughput(folder: Path, phantom: list[Path], number: int, share: float, seconds: float) -> float:
    """Return how many reads of the real reader so many workers end in an hour.

    Of each worker its first read counts as warming up; from its end on, reads are counted by their own times.
    """
    with site(folder / f"workers-{number}", "lung_nodule", share) as made:
        # No worker may run out of studies: a read takes more than three seconds of a whole core.
        for _ in range(number * (2 + int(seconds * share / 3))):
            made.put(phantom, "CT1")
        with made.workers(number):
            wait_until(lambda: len(by_worker(made)) == number, STARTED_S + 120.0)
            time.sleep(seconds)
            if not any(row.state == "waiting" for row in made.jobs()):
                sys.exit("The workers ran out of studies: give a smaller --share or fewer --seconds.")
            told = by_worker(made)
    print(f"{number} workers: {sum(map(len, told.values()))} reads", file=sys.stderr)
    return 3600.0 * sum(
        (len(ends) - 1) / (ends[-1] - ends[0]).total_seconds() for ends in told.values() if len(ends) > 1
    )


def by_worker(made: Site) -> dict[str, list[datetime]]:
    """Return when the reads of each worker ended."""
    told: dict[str, list[datetime]] = {}
    for row in made.jobs():
        if row.state == "done":
            told.setdefault(row.worker, []).append(row.ended_at)
    return told


def burst(folder: Path, small: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Return how long emergencies wait alone and among routine studies, and how these drain."""
    with site(folder / "burst", "quick", options.share) as made:
        with made.workers(2):
            for _ in range(WARMING):
                made.put(small, "CT1")
            wait_until(lambda: made.ended() == WARMING, STARTED_S)
            alone = emergencies(made, small, options)
            wait_until(lambda: made.ended() == WARMING + options.stat, STARTED_S)
        for _ in range(options.waiting):
            made.put(small, "CT1")
        before = {row.id for row in made.jobs()}
        with made.workers(2):
            wait_until(lambda: made.ended() > len(before), STARTED_S)
            waiting = sum(row.state == "waiting" for row in made.jobs())
            among = emergencies(made, small, options)
            everything = len(before) + options.stat + options.waiting
            wait_until(lambda: made.ended() == everything, 30.0 * options.waiting)
        rows = made.jobs()
    stat = {row.id: row for row in rows if row.priority == 0}
    drained = [row for row in rows if row.priority == 2 and row.id not in before]
    late = [row for key, row in stat.items() if key not in before]
    overtaken = sum(each.created_at < row.started_at < each.started_at for each in late for row in drained)
    span = (drained[-1].ended_at - drained[0].ended_at).total_seconds()
    return {
        "alone": waits([row for key, row in stat.items() if key in before], alone),
        "among waiting": waits(late, among),
        "routine": len(drained),
        "waiting": waiting,
        "routine_per_hour": 3600.0 * (len(drained) - 1) / span,
        "overtaken": overtaken,
        "order": "".join("s" if row.priority == 0 else "r" for row in rows),
    }


def emergencies(made: Site, small: list[Path], options: argparse.Namespace) -> list[datetime]:
    """Put emergencies into the archive, one every so many seconds; return when each had come."""
    came = []
    for _ in range(options.stat):
        made.put(small, "ER")
        came.append(datetime.now(UTC))
        time.sleep(options.every)
    return came


def waits(rows: list[Any], came: list[datetime]) -> dict[str, float]:
    """Return how long emergencies took from their last image to their result; rows and arrivals are in one order."""
    rows = sorted(rows, key=lambda row: row.created_at)
    took = [(_aware(row.ended_at) - arrived).total_seconds() for row, arrived in zip(rows, came, strict=True)]
    waited = [(row.started_at - row.created_at).total_seconds() for row in rows]
    return {
        "median_s": statistics.median(took), "longest_s": max(took), "waited_median_s": statistics.median(waited)
    }  # fmt: skip


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def site(folder: Path, reader: str, share: float) -> Iterator[Site]:
    """Yield an empty installation with a PostgreSQL server of its own and the quick reader."""
    programs = postgres.programs()
    if programs is None:
        sys.exit("Skipped: PostgreSQL is not installed; scripts/install-debian-packages installs it.")
    metadata = folder / "site" / "quick_reader-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "site" / "quick_reader.py").write_text(QUICK)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: quick-reader\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[firstread.readers]\nquick = quick_reader:QuickReader\n")
    with postgres.server(programs) as server:
        server.execute("CREATE DATABASE firstread")
        settings = {
            "FIRSTREAD_ARCHIVE_DIR": str(folder / "archive"),
            "FIRSTREAD_DATABASE_URL": server.url("firstread"),
            "FIRSTREAD_CACHE_DIR": str(folder / "cache"),
            "FIRSTREAD_ROUTES": json.dumps([{**route, "reader": reader} for route in ROUTES]),
            "FIRSTREAD_STUDY_QUIET_S": "1",
            "FIRSTREAD_STOP_GRACE_S": "0",
            "FIRSTREAD_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(folder / "site"), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
            ),
        }
        with open_archive(folder / "archive", url=server.url("firstread")) as archive:
            yield Site(archive, settings, share)
    shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for what must come, or end the benchmark."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            sys.exit("Something did not come in time.")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
