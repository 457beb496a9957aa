import json

import pytest

from benchmarks.read_study import committed, judged
from tests.benchmarks.test_regression import RUN, changed


def test_reads_are_measured_beside_a_yardstick_and_compared_with_the_committed_run(
    benchmark, small_study, tmp_path
):
    kept, fresh = tmp_path / "kept.json", tmp_path / "now.json"
    fixed = ("--study", small_study, "--reader", "ball", "--repeats", 1, "--against", kept)
    assert benchmark("read_study", *fixed, "--keep").returncode == 0
    report = json.loads(kept.read_text())
    assert report["yardsticks_s"]["networks"] > 0 and report["yardsticks_s"]["rest"] > 0
    for kind in ("cold", "warm"):
        row = report["median"][kind]
        assert row["wall"] >= row["total"] > 0 and row["peak_mb"] > 50
        # A former run that took a tenth of the memory: whatever the host does meanwhile, the next one is worse.
        row["peak_mb"] /= 10
    assert report["machine"]["granted"] >= 1 and report["machine"]["memory_gb"] >= 1
    kept.write_text(json.dumps(report))
    done = benchmark("read_study", *fixed, "--json", fresh, "--tolerance", 1000, "--strict")
    assert done.returncode == 1, done.stderr
    assert "Worse: cold peak memory" in done.stdout
    assert json.loads(kept.read_text()) == report, "the committed run stays"
    assert json.loads(fresh.read_text())["median"]["warm"]["peak_mb"] > 50


@pytest.mark.parametrize(
    ("before", "words", "holds"),
    [
        (None, "to compare with", False),
        ({**RUN, "study": "other"}, "Not compared", False),
        (RUN, "nothing beyond", True),
        (changed(detect=0.5), "Worse: warm detect", False),
    ],
)
def test_what_cannot_be_compared_does_not_hold(capsys, tmp_path, before, words, holds):
    assert judged(RUN, before, tmp_path / "kept.json") is holds
    assert words in capsys.readouterr().out


def test_each_study_has_a_committed_run_of_its_own():
    assert committed("lidc-0002").name == "read_study.json"
    assert committed("phantom").name == "read_study-phantom.json"
