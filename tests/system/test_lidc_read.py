"""The five annotated scans of LIDC-IDRI: what three or four readers marked is found and measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lidc_nodules import grouped
from firstread.dicom.discover import open_study
from firstread.engine import Engine
from firstread.findings import ReadResult
from firstread.readers.lung_nodule import LungNoduleReader

SCANS = ("lidc-0001", "lidc-0002", "lidc-0005", "lidc-0006", "lidc-0007")
pytestmark = pytest.mark.timeout(600)


def consensus(folder: Path) -> list[list[dict]]:
    """Nodules that three or four readers marked, each as their annotations."""
    rows = json.loads((folder / "annotations.json").read_text())["readers_annotations"]
    return [group for group in grouped(rows) if len(group) >= 3]


@pytest.fixture(scope="module", params=SCANS)
def read_scan(request: pytest.FixtureRequest, shared_ct: Path) -> tuple[Path, ReadResult]:
    folder = shared_ct / request.param
    with Engine() as engine:
        return folder, LungNoduleReader().read(open_study(folder), engine)


def test_what_three_or_four_readers_marked_is_found(read_scan: tuple[Path, ReadResult]):
    folder, result = read_scan
    for group in consensus(folder):
        centre = np.mean([row["center_lps_mm"] for row in group], 0)
        diameter = np.mean([row["long_diameter_mm"] for row in group])
        away = [float(np.linalg.norm(np.subtract(f.center_lps_mm, centre))) for f in result.findings]
        assert away and min(away) <= diameter / 2, f"the nodule at {centre.round()} was missed"


def test_solid_nodules_measure_within_a_quarter_of_the_readers_range(read_scan: tuple[Path, ReadResult]):
    folder, result = read_scan
    for group in consensus(folder):
        if np.median([row["texture"] for row in group]) < 4:
            continue
        centre = np.mean([row["center_lps_mm"] for row in group], 0)
        found = min(result.findings, key=lambda f: np.linalg.norm(np.subtract(f.center_lps_mm, centre)))
        assert found.diameter_mm is not None
        # The readers' outlines give the long axis; in-plane extents stand for long and short.
        means = [float(np.mean(row["size_mm"][:2])) for row in group]
        assert 0.75 * min(means) <= found.diameter_mm.mean <= 1.25 * max(means)


def test_false_alarms_stay_few(read_scan: tuple[Path, ReadResult]):
    """A finding that no reader marked counts as one; the benchmark states them, this keeps them from growing."""
    folder, result = read_scan
    rows = json.loads((folder / "annotations.json").read_text())["readers_annotations"]
    unmarked = [
        f.id
        for f in result.findings
        if all(
            np.linalg.norm(np.subtract(f.center_lps_mm, row["center_lps_mm"]))
            > row["long_diameter_mm"] / 2 + 2
            for row in rows
        )
    ]
    assert len(unmarked) <= 12
