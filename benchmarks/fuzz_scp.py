"""Throw thousands of damaged DICOM streams at a node, and print what it holds before and after.

The node is a process of its own, `firstread serve --role scp`. Every way in which a stream can be wrong that has a
name comes first, then good associations damaged by chance. It ends with 1 where the node is not as it was.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from firstread.archive import open_archive  # noqa: E402
from firstread.archive.verify import verify  # noqa: E402
from tests.archive.samples import instances  # noqa: E402
from tests.network.conftest import association  # noqa: E402
from tests.network.hostile_peer import Held, throw_all  # noqa: E402
from tests.network.streams import good, malformed, mutated  # noqa: E402
from tests.system.fleet import nursery, settings_of  # noqa: E402
from tests.waiting import free_port, wait_for  # noqa: E402

SETTINGS = {"FIRSTREAD_DICOM_IDLE_S": "2", "FIRSTREAD_DICOM_INSTANCE_MIB": "4"}
MOST_GROWTH_MIB = 64


def main() -> None:
    """Run, print, and say whether the node is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000, help="damaged by chance (default: 5000)")
    parser.add_argument("--seed", type=int, default=1, help="of the damage (default: 1)")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    (instance,) = instances(1)
    content, uid, port = bytes(instance.dataset), instance.sop_instance_uid, free_port()
    named = [stream for _, stream in malformed(content, uid)]
    associations = good(content, uid)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        with nursery(Path(folder), settings_of(archive, None)) as forks:
            node = forks.server("scp", "serve", "--role", "scp", FIRSTREAD_DICOM_PORT=str(port), **SETTINGS)
            wait_for(lambda: "listens" in node.log)
            process = psutil.Process(node.pid)
            idle = process.num_threads()
            throw_all(port, named[:: len(named) // 40])  # connections to the database are opened once
            wait_for(lambda: process.num_threads() <= idle, 60)
            before, start = Held.by(process), time.perf_counter()
            thrown = throw_all(port, named)
            thrown += throw_all(port, (mutated(chance, associations) for _ in range(options.cases)))
            seconds = time.perf_counter() - start
            wait_for(lambda: process.num_threads() <= idle, 60)
            after = Held.by(process)
            with association(port) as peer:
                answers = peer.is_established and peer.send_c_echo().Status == 0x0000
            left = [path.name for path in archive.glob("incoming/*/*")]
            tracebacks = node.log.count("Traceback")
            node.end()
        with open_archive(archive) as opened:
            sound = verify(opened).sound
    print(f"{thrown} streams in {seconds:.0f} s, {thrown / seconds:.0f} a second.\n")
    print("| | before | after |\n| --- | --- | --- |")
    print(f"| resident memory | {before.memory_mib:.0f} MiB | {after.memory_mib:.0f} MiB |")
    print(f"| open files | {before.files} | {after.files} |")
    print(f"| threads | {before.threads} | {after.threads} |\n")
    print(f"It {'answers' if answers else 'DOES NOT ANSWER'}; {len(left)} files under incoming; ", end="")
    print(f"{tracebacks} tracebacks in its log; the archive is {'sound' if sound else 'NOT SOUND'}.")
    grown = after.memory_mib - before.memory_mib > MOST_GROWTH_MIB or after.files > before.files + 4
    sys.exit(bool(not answers or left or tracebacks or not sound or grown))


if __name__ == "__main__":
    main()
