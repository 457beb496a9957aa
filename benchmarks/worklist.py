"""How long the worklist takes at 5,000 studies: every filter and order, in a browser too, and a storm of events.

    python benchmarks/worklist.py [--studies 5000] [--database URL]

CPU seconds are those of this process, server and client together; the other times are of the clock.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firstread.archive import open_archive
from firstread.archive.database import writing
from firstread.archive.notices import tell
from firstread.web import create_app
from tests.browser import chromium, launch, somebody
from tests.network.dicomweb.conftest import running
from tests.web.pages.samples import Doors, add_studies, key_of

LIMIT_MS = 200.0
REPEATS = 7
ASKED = (
    "",
    "sort=waiting",
    "sort=newest",
    "sort=name",
    "sort=modality",
    "sort=stage",
    "sort=category",
    "stage=failed",
    "stage=all&page=25",
    "modality=DX",
    "urgency=1",
    "whose=free&sort=name",
    "came=3",
    "q=doe",
    "q=doe+jane",
    "q=thorax&sort=category",
    "q=A0012",
)
CHOSEN = (("sort", "name"), ("stage", "failed"), ("modality", "DX"), ("whose", "free"), ("q", "doe"))
PLAIN = {"sort": "urgency", "stage": "open", "whose": "any"}
"""What the fields hold that are not chosen."""


def main() -> int:
    """Print the table; the exit code is 1 where a median is over the limit."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--studies", type=int, default=5000)
    options.add_argument("--database", help="PostgreSQL; default: SQLite")
    asked = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_archive(Path(folder) / "archive", url=asked.database) as archive,
    ):
        uids = add_studies(archive, asked.studies)
        app = create_app(archive, keep_metadata=False)
        app.state.door = Doors()
        with running(app) as url:
            slowest = max(_filters(url, asked.studies), _in_browser(url))
            _storm(url, archive, [key_of(archive, uid) for uid in uids[:100]])
    return int(slowest > LIMIT_MS)


def _filters(url: str, studies: int) -> float:
    print(f"{studies} studies, 100 rows a page; median of {REPEATS}, limit {LIMIT_MS:.0f} ms\n")
    print(f"{'asked':<26}{'clock ms':>10}{'CPU ms':>10}")
    slowest = 0.0
    with requests.Session() as session:
        for query in ASKED:
            clock, cpu = [], []
            for _ in range(REPEATS):
                began, busy = time.perf_counter(), time.process_time()
                answer = session.get(f"{url}/worklist/rows?{query}", timeout=60)
                clock.append(1000 * (time.perf_counter() - began))
                cpu.append(1000 * (time.process_time() - busy))
                assert answer.status_code == 200
            median = statistics.median(clock)
            slowest = max(slowest, median)
            print(f"{query or '(as it opens)':<26}{median:>10.0f}{statistics.median(cpu):>10.0f}")
    return slowest


_CHOOSE = """async ([name, value]) => {
    const began = performance.now();
    const list = document.getElementById("list");
    const form = document.getElementById("filters");
    form.elements[name].value = value;
    form.requestSubmit();
    await new Promise((done) => {
        const seen = new MutationObserver(() => {
            if (document.getElementById("list") === list) return;
            seen.disconnect();
            requestAnimationFrame(() => setTimeout(done));  // painted
        });
        seen.observe(document.body, { childList: true, subtree: true });
    });
    return performance.now() - began;
}"""


def _in_browser(url: str) -> float:
    """Choose filters in a real Chromium; print how long until their rows are painted. Without Chromium say so."""
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        print("\nin the browser: not measured, Chromium is not installed")
        return 0.0
    print(f"\n{'in Chromium, to the paint':<26}{'clock ms':>10}")
    slowest = 0.0
    with sync_playwright() as playwright:
        browser = launch(playwright)
        with somebody(browser, url) as page:
            page.goto("/")
            page.wait_for_selector("[data-live-sign]:not(.off):visible")
            for choice in CHOSEN:
                took = []
                for _ in range(REPEATS):
                    page.evaluate(_CHOOSE, ["sort", "urgency"])
                    took.append(page.evaluate(_CHOOSE, list(choice)))
                    page.evaluate(_CHOOSE, [choice[0], PLAIN.get(choice[0], "")])
                slowest = max(slowest, statistics.median(took))
                print(f"{'='.join(choice):<26}{statistics.median(took):>10.0f}")
        browser.close()
    return slowest


def _storm(url: str, archive, keys: list[int], *, seconds: float = 5.0, rate: int = 100) -> None:
    """Tell of `rate` changes a second to ten listeners; print how many messages each got, and how late they were."""
    got: list[float] = []

    def listen() -> None:
        # The server ends the stream when the benchmark does.
        with (
            suppress(requests.exceptions.ChunkedEncodingError),
            requests.get(f"{url}/events", stream=True, timeout=60) as answer,
        ):
            for line in answer.iter_lines(chunk_size=1):
                if line.startswith(b"event: study"):
                    got.append(time.perf_counter())
                if time.perf_counter() > ends:
                    return

    ends = time.perf_counter() + seconds + 2
    listeners = [threading.Thread(target=listen, daemon=True) for _ in range(10)]
    for each in listeners:
        each.start()
    time.sleep(1)
    busy, began = time.process_time(), time.perf_counter()
    for n in range(int(seconds * rate)):
        with writing(archive.engine) as connection:
            tell(connection, "study", study_key=keys[n % len(keys)])
        time.sleep(max(0.0, began + n / rate - time.perf_counter()))
    took = time.perf_counter() - began
    cpu = time.process_time() - busy
    answer = requests.get(f"{url}/worklist/rows", timeout=60)
    print(
        f"\nstorm: {int(seconds * rate)} changes in {took:.1f} s, 10 listeners: "
        f"{len(got) / 10 / took:.1f} messages a second each, {cpu / took:.2f} CPU; "
        f"a page meanwhile {1000 * answer.elapsed.total_seconds():.0f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
