"""How long a radiologist waits who points at a missed nodule: from the click to its outline, size and category.

The study is received by a real archive, read by the shipped reader, and served; each point is a request to the service
as TView sends it, and counted until the report with the new finding is there. The points are the centres that readers
annotated, or the phantom's true ones. The series is decoded before, as TView has it done when a study opens.

    .venv/bin/python benchmarks/pointed.py [--study FOLDER]
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ and tests/ are not installed

import requests  # noqa: E402
from sqlalchemy import select  # noqa: E402

from benchmarks.one_read import choose_study, read_once  # noqa: E402
from firstread.archive import open_archive  # noqa: E402
from firstread.archive.add import add_folder  # noqa: E402
from firstread.archive.database import reading  # noqa: E402
from firstread.archive.models import Study  # noqa: E402
from firstread.web import create_app  # noqa: E402
from tests.network.dicomweb.conftest import running  # noqa: E402
from tests.web.pages.samples import Doors  # noqa: E402
from tests.workflow.reporting.samples import add_result  # noqa: E402

LIMIT_MS = 1000.0
MOST = 40
"""A report takes at most 50 findings that people added."""

Point = tuple[float, float, float]


def main() -> int:
    """Print the table; the exit code is 1 where a median is over the limit, or nothing was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--study", type=Path, help="folder of DICOM; default: the shared lidc-0002, else a phantom"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="firstread-bench-") as folder:
        scratch = Path(folder)
        study, name = choose_study(options.study, scratch)
        print("Reading the study ...", file=sys.stderr)
        read_once(study, scratch / "out", scratch / "cache")
        with open_archive(scratch / "archive") as archive:
            (uid,) = add_folder(archive, study).studies
            with reading(archive.engine) as connection:
                key = connection.execute(select(Study.id).where(Study.study_uid == uid)).scalar_one()
            add_result(archive, key, scratch / "out")
            app = create_app(archive, keep_metadata=False)
            app.state.door = Doors()
            with running(app) as url:
                return _point(f"{url}/api/studies/{uid}", name, list(_points(study))[:MOST])


def _points(study: Path) -> Iterator[Point]:
    """Yield where somebody points: what readers annotated, or what is in the phantom."""
    for name, of in (("annotations.json", "readers_annotations"), ("truth.json", "nodules")):
        path = study / name
        if path.is_file():
            yield from (tuple(each["center_lps_mm"]) for each in json.loads(path.read_text())[of])


def _point(root: str, name: str, points: list[Point]) -> int:
    if not points:
        print(f"{name} says nowhere where its nodules are.")
        return 1
    with requests.Session() as session:
        version = session.get(f"{root}/report", timeout=120).json()["version"]
        began = perf_counter()
        _, version, _ = _added(session, root, points[0], version)
        cold_s = perf_counter() - began
        clock, cpu, outlined = [], [], 0
        for point in points:
            busy = process_time()
            took, version, added = _added(session, root, point, version)
            clock.append(took)
            cpu.append(1000 * (process_time() - busy))
            outlined += added
    print(
        f"{name}: {len(points)} points, one after the other; milliseconds from the click to the report with it\n"
    )
    print(f"  {'median':<34}{statistics.median(clock):>8.0f}   (processor {statistics.median(cpu):.0f})")
    print(f"  {'longest':<34}{max(clock):>8.0f}")
    print(f"  {'first, with decoding the series':<34}{1000 * cold_s:>8.0f}")
    print(f"\n{outlined} of {len(points)} were outlined; elsewhere nothing stood out.")
    return int(statistics.median(clock) > LIMIT_MS)


def _added(session: requests.Session, root: str, point: Point, version: int) -> tuple[float, int, bool]:
    """Point; return the milliseconds until the answer, the report's version then, and whether a nodule was outlined."""
    began = perf_counter()
    answer = session.post(
        f"{root}/findings",
        json={"center_lps_mm": point},
        headers={"If-Match": f'"{version}"'},
        timeout=120,
    )
    took = 1000 * (perf_counter() - began)
    if answer.status_code == 201:
        return took, answer.json()["version"], True
    if answer.status_code == 409 and "report" not in answer.json():
        return took, version, False
    sys.exit(f"The service answered {answer.status_code}: {answer.text[:300]}")


if __name__ == "__main__":
    sys.exit(main())
