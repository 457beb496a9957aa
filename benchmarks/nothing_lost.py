"""Kill a node and its workers at random moments while studies arrive, as long as is wanted, and count what was lost.

dcmtk's storescu sends small studies to `firstread serve --role scp` and sends again what was not acknowledged; two
workers read them with a plain reader and deliver to dcmtk's storescp. All three are killed with SIGKILL again and
again. It ends with 1 where anything acknowledged is lost, or anything is read or delivered twice.
"""

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from firstread.archive import open_archive  # noqa: E402
from firstread.archive.models import Instance, Job, Result  # noqa: E402
from firstread.archive.verify import verify  # noqa: E402
from tests import postgres  # noqa: E402
from tests.archive.samples import rows  # noqa: E402
from tests.conftest import install_ball_reader  # noqa: E402
from tests.network.conftest import is_listening  # noqa: E402
from tests.system.fleet import kill_at_random, nursery, settings_of  # noqa: E402
from tests.system.sender import Sender  # noqa: E402
from tests.system.whole_path import (  # noqa: E402
    assert_read_and_delivered_once,
    is_over,
    reading_and_sending,
    small_studies,
)
from tests.waiting import free_port, wait_for  # noqa: E402

PATHS = "/usr/local/bin:/usr/bin:/bin"


def main() -> None:
    """Run, print a table, and say whether anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="at most so many (default: 200)")
    parser.add_argument("--seconds", type=float, default=600, help="at most so long (default: 600)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite; a server of its own")
    options = parser.parse_args()
    storescu, storescp = (shutil.which(name, path=PATHS) for name in ("storescu", "storescp"))
    if storescu is None or storescp is None:
        sys.exit("Skipped: dcmtk is not installed.")
    with ExitStack() as context:
        folder = Path(context.enter_context(tempfile.TemporaryDirectory()))
        url = None
        if options.postgresql:
            programs = postgres.programs()
            if programs is None:
                sys.exit("Skipped: PostgreSQL is not installed.")
            server = context.enter_context(postgres.server(programs))
            server.execute("CREATE DATABASE archive")
            url = server.url("archive")
        sys.exit(run(context, folder, url, options, (storescu, storescp)))


def run(
    context: ExitStack,
    folder: Path,
    url: str | None,
    options: argparse.Namespace,
    dcmtk: tuple[str, str],
) -> int:
    """Send, kill, wait until everything is over, and compare."""
    studies = (small_studies(folder / "studies", count=1, first=n)[0] for n in itertools.count(1))
    delivered, port, away = folder / "delivered", free_port(), free_port()
    delivered.mkdir()
    receiver = subprocess.Popen(
        [dcmtk[1], "+xa", "-aet", "ELSEWHERE", "-od", str(delivered), str(away)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    context.callback(receiver.wait)
    context.callback(receiver.kill)
    wait_for(lambda: is_listening(away))
    settings = settings_of(folder / "archive", url) | reading_and_sending(away)
    site = install_ball_reader(folder / "site")
    archive = context.enter_context(open_archive(folder / "archive", url=url))
    forks = context.enter_context(nursery(folder, settings, sites=[site]))
    scp = forks.server("scp", "serve", "--role", "scp", FIRSTREAD_DICOM_PORT=str(port))
    workers = [forks.server(f"worker{n}", "serve", "--role", "worker") for n in (1, 2)]
    start = time.monotonic()
    with Sender(dcmtk[0], lambda: ("127.0.0.1", port), studies) as sender:
        kill_at_random(
            [scp, scp, scp, *workers],
            options.kills,
            seed=options.seed,
            progress=lambda: sender.answers["Success"] + len(rows(archive, Result)),
            until=start + options.seconds,
        )
        sender.finish()
    seconds = time.monotonic() - start
    wait_for(lambda: is_over(archive, len(sender.begun)), 60 + 10 * len(sender.begun))
    for each in forks.servers:
        each.end()
    jobs, stored = rows(archive, Job), {row.sop_instance_uid for row in rows(archive, Instance)}
    lost = [file for file in sender.acknowledged if uid_of(file) not in stored]
    print("| | |\n| --- | --- |")
    print(f"| database | {'PostgreSQL' if url else 'SQLite'} |")
    print(
        f"| kills in {seconds:.0f} s | " + ", ".join(f"{each.name} {each.kills}" for each in forks.servers),
        "|",
    )
    print(f"| instances acknowledged | {len(sender.acknowledged)}, lost: {len(lost)} |")
    print(f"| studies sent | {len(sender.begun)} |")
    print(
        f"| jobs | {', '.join(f'{state} {count}' for state, count in Counter(job.state for job in jobs).items())} |"
    )
    print(f"| reads begun | {sum(job.attempts for job in jobs)} for {len(rows(archive, Result))} results |")
    print(f"| objects at the destination | {len(list(delivered.iterdir()))} |")
    print(f"| files without a row | {len(verify(archive).strays)} |\n")
    try:
        assert not lost
        assert_read_and_delivered_once(archive, sender.begun, delivered)
    except AssertionError as error:
        print(f"NOT AS PROMISED: {error}")
        return 1
    print("Nothing acknowledged is lost; every study is read once and delivered once.")
    return 0


def uid_of(file: Path) -> str:
    """Return the SOP Instance UID of a file."""
    from firstread.archive import Part10

    return Part10.parse(file.read_bytes()).sop_instance_uid


if __name__ == "__main__":
    main()
