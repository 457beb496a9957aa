import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch comes with the extras train, convert and bench only")
pytest.importorskip("monai", reason="MONAI comes with the extra bench only")

from benchmarks.engines.bundle_files import SPACING_MM, TRAINED_ON, WINDOW
from benchmarks.engines.detector_work import Setting, monais_windows, whole_scan
from benchmarks.retinanet import verdicts
from firstread.dicom.geometry import Geometry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "retinanet.json"
    command = [sys.executable, "benchmarks/retinanet.py", "--quick", "--json", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text()) | {"printed": done.stdout}


def test_a_quick_run_shows_that_both_engines_give_the_same_boxes(report):
    same = report["agreement"]
    assert same["boxes_firstread"] == same["boxes_monai"] > 50
    assert same["least_overlap"] > 0.99
    assert same["largest_difference_of_scores"] < 1e-3
    met = {verdict["bar"]: verdict["met"] for verdict in report["bars"]}
    assert met["scores within 0.02"] and met["same boxes on one window, overlap at least 0.9"]


def test_the_windows_that_ran_are_those_whose_operations_were_counted(report):
    assert report["firstread"]["windows"] == report["work"]["ours_windows"] > 1
    assert report["work"]["floor_tflop"] < report["work"]["ours_tflop"]
    assert report["firstread"]["candidates"] > 0
    assert "extrapolated" in report["printed"]


def test_a_ratio_is_of_the_extrapolated_time_and_a_bar_that_is_missed_says_so(report):
    theirs, ours = report["monai"], report["firstread"]
    int8 = report["firstread_int8"]
    assert int8["gate"]["passed"] and int8["in_int8"] > int8["in_f32"] > 0
    fastest = min(ours["study_seconds"], int8["study_seconds"])
    assert report["ratio"] == pytest.approx(
        theirs["timed_window_seconds"] * theirs["extrapolated_by"] / fastest
    )
    slow = report | {
        "ratio": 7.9,
        "firstread": ours | {"study_seconds": 121.0},
        "firstread_int8": {"refused": ""},
    }
    assert [verdict.met for verdict in verdicts(slow)][2:] == [False, False]


def test_monai_slides_two_windows_over_a_scan_of_usual_size():
    setting = Setting("", SPACING_MM, WINDOW, TRAINED_ON, (16, 16, 16))
    geometry = Geometry.from_axes(
        shape=(261, 512, 512),
        origin_lps_mm=(0, 0, 0),
        slice_step_mm=(0, 0, 1.25),
        row_step_mm=(0, 0.7, 0),
        column_step_mm=(0.7, 0, 0),
    )
    size = whole_scan(geometry, setting)
    assert size == (512, 512, 264)
    assert monais_windows(size, WINDOW) == 2
    # 192 voxels every 144: four, five, whose last ends at 512; along z 80 every 60.
    assert monais_windows(size, TRAINED_ON) == 4 * 4 * 5
