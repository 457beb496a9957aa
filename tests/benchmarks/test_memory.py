import json
from pathlib import Path

import pytest

from benchmarks.memory import LENGTHS, growth, linear

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("peaks", "steps", "verdict"),
    [
        ({100: 700, 300: 900, 600: 1200, 1000: 1600}, [1.0, 1.0, 1.0], True),
        ({100: 700, 300: 900, 600: 1260}, [1.0, 1.2], True),
        ({100: 700, 300: 900, 600: 1500}, [1.0, 2.0], False),
        ({100: 700, 300: 900, 600: 1000, 1000: 1520}, [1.0, 0.333, 1.3], False),
    ],
)
def test_growth_is_by_slice_and_no_step_may_exceed_the_first(peaks, steps, verdict):
    assert growth(peaks) == steps
    assert linear(steps) is verdict


def test_phantoms_of_every_length_are_read_and_kept(benchmark, tmp_path):
    options = ("--slices", 80, 60, "--matrix", 128, "--reader", "ball", "--phantoms", tmp_path)
    done = benchmark("memory", *options, "--json", tmp_path / "memory.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "memory.json").read_text())
    assert list(report["by_slices"]) == ["60", "80"]
    low, high = (report["by_slices"][slices]["peak_mb"] for slices in ("60", "80"))
    assert report["mb_a_slice"] == [round((high - low) / 20, 3)]
    assert f"| 80 | {high:.0f} |" in done.stdout
    assert len(list((tmp_path / "80x128").glob("*.dcm"))) == 80


def test_the_documents_say_what_the_committed_run_says():
    report = json.loads((ROOT / "benchmarks" / "results" / "memory.json").read_text())
    peaks = {int(slices): row["peak_mb"] for slices, row in report["by_slices"].items()}
    assert tuple(peaks) == LENGTHS and report["linear"] is linear(growth(peaks)) is True
    page = (ROOT / "docs" / "concepts" / "performance.md").read_text(encoding="utf-8")
    for slices, step in zip(peaks, ["", *(f"{step:.2f} " for step in growth(peaks))], strict=True):
        assert f"| {slices} | {peaks[slices]:.0f} | {step}|" in page
