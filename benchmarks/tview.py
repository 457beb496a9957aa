"""How long a person waits for TView: a study over loopback in a real Chromium, from the click on.

The study is received by a real archive and served by `firstread serve --role api`; each run is a new browser, with
nothing kept. Printed are the seconds to the first picture, to the whole series, and to the planes. Run it from the
repository, on a quiet machine:

    .venv/bin/python benchmarks/tview.py --study ../shared/data/ct/lidc-0002
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # tests/ is not installed

from playwright.sync_api import Playwright, sync_playwright  # noqa: E402
from pydicom import dcmread  # noqa: E402

from firstread.archive import Part10, open_archive  # noqa: E402
from firstread.phantom import make_phantom  # noqa: E402
from firstread.phantom.series import write_series  # noqa: E402
from tests.browser import launch  # noqa: E402

STAGES = {"first-image": "first picture", "whole-series": "whole series", "planes": "three planes"}
LIMIT_MS = 120_000


def opened(playwright: Playwright, address: str) -> dict[str, float]:
    """Click on a study in a new browser; return the seconds from the click to each stage."""
    browser = launch(playwright)
    try:
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        page.goto(address.partition("/studies")[0] + "/health/live")
        page.goto(address)
        page.wait_for_selector("#tview[data-state=planes]", timeout=LIMIT_MS)
        # Counted from the navigation on, as the browser itself does.
        marks = page.evaluate(
            "performance.getEntriesByType('mark').map(mark => [mark.name, mark.startTime / 1000])"
        )
        return {name.removeprefix("tview:"): seconds for name, seconds in marks}
    finally:
        browser.close()


def main() -> None:
    """Fill an archive, serve it, open it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, help="folder of a CT series (default: a phantom of 261 slices)")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        study = options.study
        if study is None:
            study = Path(folder) / "phantom"
            write_series(make_phantom(slices=261, spacing_mm=(1.25, 0.7, 0.7)), study)
        print("Receiving the study ...", file=sys.stderr)
        uid, count = "", 0
        with open_archive(Path(folder) / "archive") as archive:
            for path in sorted(study.glob("*.dcm")):
                archive.receive(Part10.parse(path.read_bytes()))
                uid, count = (
                    str(dcmread(path, specific_tags=["StudyInstanceUID"]).StudyInstanceUID),
                    count + 1,
                )
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "FIRSTREAD_ARCHIVE_DIR": f"{folder}/archive",
            "FIRSTREAD_API_PORT": "0",
            "FIRSTREAD_API_LOCAL_ROLES": "administrator",
        }
        command = [sys.executable, "-m", "firstread.cli", "serve", "--role", "api", "--json", "--quiet"]
        with subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True
        ) as served:
            try:
                assert served.stdout is not None
                port = json.loads(served.stdout.readline())["api"]["port"]
                address = f"http://127.0.0.1:{port}/studies/{uid}/view"
                with sync_playwright() as playwright:
                    opened(playwright, address)  # derives the metadata, which a received series has
                    runs = [opened(playwright, address) for _ in range(options.runs)]
            finally:
                served.terminate()
        print(
            f"{count} images, {options.runs} runs, a new browser each; seconds from the click, median (least to most)"
        )
        for stage, words in STAGES.items():
            times = [run[stage] for run in runs]
            print(f"  {words:14} {statistics.median(times):5.2f}  ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
