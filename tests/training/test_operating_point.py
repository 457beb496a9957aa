"""Scores of two networks are joined and judged fold against fold."""

import json
import sys

import numpy as np
import pytest

from training.lung_nodule import operating_point as op


def chest(name, protocol, seed, *, nodules=12, separable=1.0):
    rng = np.random.default_rng(seed)
    truth, rows = [], []
    for n in range(nodules):
        centre = [30.0 * n, 0.0, 0.0]
        truth.append({
            "center_lps_mm": centre, "diameter_mm": 8.0, "counts": True,
            "labels": {"size": "6 to 12 mm", "readers": "4"},
        })  # fmt: skip
        rows.append([*centre, rng.normal(0.5), rng.normal(2 * separable)])
    for n in range(60):
        rows.append([30.0 * n, 500.0, 0.0, rng.normal(-0.5), rng.normal(-2 * separable)])
    return {
        "name": name,
        "patient": name.split("/")[0],
        "protocol": protocol,
        "candidates": rows,
        "nodules": truth,
    }


def fold(seed):
    shown = [chest(f"p{seed}/0", protocol, seed + 50, separable=0.5) for protocol in ("5 mm", "sharp kernel")]
    acquired = [chest(f"p{seed}/{n}", op.AS_ACQUIRED, seed * 10 + n) for n in range(3)]
    return [chest(f"p{seed}", op.REAL, seed + 90, nodules=3), *acquired, *shown]


def test_the_fit_gives_weight_to_the_score_that_tells_more():
    weights = op.fitted([chest(f"p/{n}", op.AS_ACQUIRED, n, nodules=40, separable=0.8) for n in range(6)])
    assert weights[1] > weights[0] > 0


def test_the_threshold_allows_as_many_false_positives_as_asked_for():
    told = op.scans(fold(1), np.array([1.0, 1.0, 0.0]))
    assert op.false_positives(told, op.threshold_at(told, 2.0)) <= 2.0


def test_the_report_names_what_ships_and_every_protocol(tmp_path, monkeypatch, capsys):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(fold(ord(name))))
    out = tmp_path / "report.json"
    files = [str(tmp_path / f"{name}.json") for name in "ab"]
    monkeypatch.setattr(
        sys,
        "argv",
        ["x", "--folds", *files, "--int8", *files, "--shipped", files[0], files[0], "--json", str(out)],
    )
    op.main()
    report = json.loads(out.read_text())
    assert 0 < report["shipped"]["threshold"] < 1
    assert report["shipped"]["threshold_int8"] == pytest.approx(report["shipped"]["threshold"], abs=0.1)
    assert set(report["robustness"]) == {op.AS_ACQUIRED, "5 mm", "sharp kernel"}
    assert report["int8"]["sensitivity"]["f32"] == pytest.approx(
        report["int8"]["sensitivity"]["int8"], abs=0.02
    )
    assert report["inserted nodules"]["nodules"] == 2 * 3 * 12
    for before, after in report["inserted nodules"]["false_positive_removal"].values():
        assert after <= before
    assert "shipped" in capsys.readouterr().out
