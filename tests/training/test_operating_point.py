"""Scores of two networks are joined and judged fold against fold."""

import json
import sys

import numpy as np
import pytest

from firstread.evaluation.froc import froc
from training.lung_nodule import joined
from training.lung_nodule import operating_point as op
from training.lung_nodule.scenes import POINTED_AT


def chest(name, protocol, seed, *, nodules=12, separable=1.0):
    rng = np.random.default_rng(seed)
    truth, rows = [], []
    for n in range(nodules):
        centre = [30.0 * n, 0.0, 0.0]
        truth.append({
            "center_lps_mm": centre, "diameter_mm": 8.0, "long_mm": 9.0, "counts": True,
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
    acquired = [chest(f"p{seed}/{n}", joined.AS_ACQUIRED, seed * 10 + n) for n in range(3)]
    return [chest(f"p{seed}", joined.REAL, seed + 90, nodules=3), *acquired, *shown]


def test_the_fit_gives_weight_to_the_score_that_tells_more():
    weights = joined.fitted(
        [chest(f"p/{n}", joined.AS_ACQUIRED, n, nodules=40, separable=0.8) for n in range(6)]
    )
    assert weights[1] > weights[0] > 0


def test_an_elongated_nodule_is_hit_within_half_of_its_long_diameter():
    one = chest("p/0", joined.AS_ACQUIRED, 1, nodules=1)
    one["candidates"][0][0] = one["nodules"][0]["long_mm"] / 2 - 0.1
    assert joined.scale_of([one]).middle == pytest.approx(one["candidates"][0][3:])
    assert froc(joined.scans([one], None), count=2).nodules[0].score == one["candidates"][0][3]


def test_weights_carry_over_to_networks_that_score_otherwise():
    chests = [chest(f"p/{n}", joined.AS_ACQUIRED, n, nodules=40, separable=0.8) for n in range(4)]
    moved = [
        one | {"candidates": [[*row[:3], row[3] * 3 + 5, row[4] * 0.5 - 2] for row in one["candidates"]]}
        for one in chests
    ]
    weights = joined.fitted([*joined.on_scale(chests, joined.scale_of(chests))])
    as_they_score = joined.scans(chests, joined.scale_of(chests).shown(weights))
    otherwise = joined.scans(moved, joined.scale_of(moved).shown(weights))
    for one, other in zip(as_they_score, otherwise, strict=True):
        assert [c.score for c in one.candidates] == pytest.approx([c.score for c in other.candidates])


def test_the_threshold_allows_as_many_false_positives_as_asked_for():
    told = joined.scans(fold(1), np.array([1.0, 1.0, 0.0]))
    assert joined.false_positives(told, joined.threshold_at(told, 2.0)) <= 2.0


def test_the_report_names_what_ships_and_every_protocol(tmp_path, monkeypatch, capsys):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(fold(ord(name))))
    out = tmp_path / "report.json"
    files = [str(tmp_path / f"{name}.json") for name in "ab"]
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "x",
            "--folds",
            *files,
            "--seen",
            *files,
            "--int8",
            *files,
            "--shipped",
            files[0],
            files[0],
            "--json",
            str(out),
        ],
    )
    op.main()
    report = json.loads(out.read_text())
    assert 0 < report["shipped"]["threshold"] < 1
    assert report["shipped"]["threshold_int8"] == pytest.approx(report["shipped"]["threshold"], abs=0.1)
    assert set(report["robustness"]) == {joined.AS_ACQUIRED, "5 mm", "sharp kernel"}
    assert report["int8"]["sensitivity"]["f32"] == pytest.approx(
        report["int8"]["sensitivity"]["int8"], abs=0.02
    )
    assert report["inserted nodules"]["nodules"] == 2 * 3 * 12
    for before, after in report["inserted nodules"]["false_positive_removal"].values():
        assert after <= before
    assert "shipped" in capsys.readouterr().out


def test_what_readers_only_pointed_at_counts_neither_way_and_can_be_held_against():
    one = chest("p/0", joined.AS_ACQUIRED, 1, nodules=4)
    place = one["candidates"][-1][:3]
    pointed_at = {
        "center_lps_mm": place, "diameter_mm": 10.0, "long_mm": 10.0, "counts": False,
        "labels": {"size": "6 to 12 mm", "site": POINTED_AT},
    }  # fmt: skip
    listed = one | {"nodules": [*one["nodules"], pointed_at]}
    lowest = min(row[3] for row in one["candidates"])
    alarms = [
        joined.false_positives(joined.scans(told, None), lowest)
        for told in ([one], [listed], joined.outlined([listed]))
    ]
    assert alarms == [60, 59, 60]


def test_at_a_rate_every_network_has_its_own_threshold():
    """Two networks, one of which scores everything 5 higher: together they find what each finds at that rate."""
    one = [chest(f"p/{n}", joined.AS_ACQUIRED, n) for n in range(3)]
    other = [chest(f"q/{n}", joined.AS_ACQUIRED, n + 7, separable=0.3) for n in range(2)]
    higher = [c | {"candidates": [[*r[:3], r[3] + 5, r[4]] for r in c["candidates"]]} for c in other]
    told = [joined.scans(chests, None) for chests in (one, higher)]
    rates = (0.5, 1.0, 4.0)
    found = np.zeros(len(rates))
    for part in told:
        measured = froc(part, rates=rates, count=2)
        found += [r.sensitivity.value * measured.nodules_that_count for r in measured.rates]
    together = froc([scan for part in told for scan in joined.by_rate(part)], rates=rates, count=2)
    assert [r.sensitivity.value * 60 for r in together.rates] == pytest.approx(found)
    at_one = froc([scan for part in told for scan in part], rates=rates, count=2)
    assert together.rates[2].sensitivity.value > at_one.rates[2].sensitivity.value
