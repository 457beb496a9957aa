import json

import pytest

from benchmarks.engines.operations import count
from benchmarks.floor import decided, resized


def test_a_share_is_of_the_floor_and_time_that_stand_beside_it(benchmark, tmp_path):
    options = ("--quick", "--rounds", 1, "--tiles", "48x48x64", "--json", tmp_path / "floor.json")
    done = benchmark("floor", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "floor.json").read_text())
    assert len(report["networks"]) == 3
    for row in report["networks"].values():
        assert row["share"] == pytest.approx(row["floor_ms"] / row["took_ms"], rel=0.02, abs=0.002)
        floor_s = row["gflop"] / report["peak_gflop_per_second"]
        assert row["floor_ms"] == pytest.approx(1000 * floor_s, rel=0.02)
    (tile,) = report["tiles"].values()
    assert tile["useful"] == pytest.approx(tile["share"] / 18, abs=0.002)
    assert "met: detection, at least 60%" in done.stdout.lower()


def test_a_tile_of_twice_the_edge_has_eight_times_the_operations_and_wastes_less():
    assert count(resized((64, 64, 64))).operations == pytest.approx(
        8 * count(resized((32, 32, 32))).operations
    )
    assert decided((128, 128, 128)) == pytest.approx(0.421875)
    assert decided((128, 224, 176)) > decided((128, 128, 128)) > decided((96, 96, 96))
