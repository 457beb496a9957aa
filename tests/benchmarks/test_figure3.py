import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.engines.cases import load_case, save_case, tiny_case
from benchmarks.engines.running import launch
from benchmarks.engines.ways import WAYS, Plan

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("lungs", "detection", "removal")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    pytest.importorskip("torch", reason="PyTorch comes with the extras train, convert and bench only")
    pytest.importorskip("monai", reason="MONAI comes with the extra bench only")
    folder = tmp_path_factory.mktemp("figure3")
    command = [sys.executable, "benchmarks/figure3.py", "--quick", "--json", folder / "figure3.json"]
    command += ["--figure", folder / "figure3.svg"]
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "figure3.json").read_text()), folder / "figure3.svg"


def test_the_report_has_every_task_every_way_with_time_memory_operations_and_accuracy(quick):
    _, report, _ = quick
    accuracy = {"lungs": "dice", "detection": "sensitivity", "removal": "auc"}
    for task in TASKS:
        assert list(report["tasks"][task]) == list(WAYS)
        for row in report["tasks"][task].values():
            assert row["seconds"] >= row["network_seconds"] > 0
            assert row["peak_mb"] > 100
            assert row["share_of_peak"] > 0
            assert 0 <= row[accuracy[task]] <= 1
        assert report["tasks"][task]["pytorch"]["ratio"] == 1
        assert report["accuracy_on"][task].startswith("n = ")


def test_openvino_in_pytorchs_place_gives_pytorchs_results(quick):
    _, report, _ = quick
    rows = {task: report["tasks"][task]["openvino"] for task in TASKS}
    assert rows["lungs"]["dice_against_first"] > 0.9999
    assert rows["detection"]["candidates_of_first_found_again"] == 1
    assert rows["removal"]["probability_moved_most"] < 1e-3
    assert [rows[task]["samples"] for task in TASKS] == [
        report["tasks"][task]["pytorch"]["samples"] for task in TASKS
    ]


def test_every_bar_is_printed_with_its_verdict(quick):
    printed, report, _ = quick
    assert len(report["bars"]) == 9
    for bar in report["bars"]:
        assert f"{'met' if bar['met'] else 'NOT MET'}: {bar['bar']}" in printed
    assert "The engine's ratio is (1) to (3)" in printed
    assert "The product's is (1) to (4)" in printed


def test_the_figure_shows_every_time_and_ratio(quick):
    _, report, path = quick
    texts = [node.text for node in ElementTree.parse(path).iter() if node.tag.endswith("text")]
    for task in TASKS:
        for row in report["tasks"][task].values():
            assert any(f"{row['seconds']:.2f} s, {row['ratio']:.1f}×" in text for text in texts)


def test_a_timed_task_runs_in_a_process_of_its_own_on_what_was_kept(tmp_path):
    case = tiny_case()
    save_case(case, tmp_path)
    assert np.array_equal(load_case(tmp_path / case.name).lungs, case.lungs)
    assert load_case(tmp_path / case.name).nodules == case.nodules
    launch(Plan("shipped", case.name, ("lungs",), tmp_path))
    told = json.loads((tmp_path / case.name / "shipped" / "lungs.json").read_text())
    with np.load(tmp_path / case.name / "shipped" / "lungs.npz") as kept:
        assert kept["labels"].shape == case.volume.hu.shape
    assert 0 < told["samples"] < 1  # the tile fits the tiny body, which is less than a patch
    assert told["peak_bytes"] > 1e8


def test_a_process_that_fails_ends_the_comparison(tmp_path, capfd):
    with pytest.raises(RuntimeError, match="firstread, as shipped failed on lungs of nothing"):
        launch(Plan("shipped", "nothing", ("lungs",), tmp_path))
    assert "case.json" in capfd.readouterr().err
