import json


def test_two_reads_at_once_are_compared_with_two_in_turn(benchmark, small_study, tmp_path):
    options = ("--study", small_study, "--reader", "ball", "--repeats", 1, "--json", tmp_path / "two.json")
    done = benchmark("two_reads", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "two.json").read_text())
    (one,) = report["rounds"]
    assert report["ratio"] == one["ratio"] > 0
    assert abs(one["ratio"] - one["in_turn_s"] / one["at_once_s"]) < 0.05
    assert f"do {report['ratio']:.2f} times the work" in done.stdout


def test_a_read_that_fails_ends_the_comparison(benchmark, small_study, tmp_path):
    done = benchmark("two_reads", "--study", small_study, "--reader", "none", "--json", tmp_path / "two.json")
    assert done.returncode == 1
    assert "ended with exit code 2" in done.stderr
    assert not (tmp_path / "two.json").exists()
