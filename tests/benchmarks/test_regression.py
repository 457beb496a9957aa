import copy

import pytest

from benchmarks.regression import NotComparable, changes, print_changes

ROW = {
    "wall": 5.0,
    "load": 1.0,
    "segment": 0.5,
    "detect": 1.5,
    "classify": 0.4,
    "measure": 0.1,
    "report": 0.5,
    "peak_mb": 900.0,
}
RUN = {
    "study": "chest",
    "options": [],
    "yardsticks_s": {"networks": 0.1, "rest": 0.2},
    "median": {"cold": ROW, "warm": dict(ROW)},
}


def changed(*, yardsticks=None, **figures):
    run = copy.deepcopy(RUN)
    run["median"]["warm"] |= figures
    if yardsticks:
        run["yardsticks_s"] = yardsticks
    return run


def worse(before, now, **more):
    return {(one.kind, one.measure) for one in changes(before, now, **more) if one.worse}


def test_a_run_is_no_worse_than_itself_and_every_stage_but_the_smallest_is_judged():
    assert worse(RUN, RUN) == set()
    measures = {one.measure for one in changes(RUN, RUN)}
    assert measures == {"wall", "load", "segment", "detect", "classify", "report", "peak memory"}


def test_a_stage_that_grew_beyond_the_tolerance_is_told_alone():
    assert worse(RUN, changed(detect=1.8)) == set()
    assert worse(RUN, changed(detect=2.0)) == {("warm", "detect")}
    assert worse(RUN, changed(detect=1.8), tolerance=0.1) == {("warm", "detect")}
    assert worse(RUN, changed(wall=6.5, report=2.0)) == {("warm", "wall"), ("warm", "report")}
    assert worse(RUN, changed(measure=0.6)) == {("warm", "measure")}


def test_memory_is_held_to_less():
    assert worse(RUN, changed(peak_mb=980)) == set()
    assert worse(RUN, changed(peak_mb=1000)) == {("warm", "peak memory")}


def test_a_host_of_half_the_speed_changes_nothing_and_hides_nothing():
    slow = {key: 2 * value for key, value in ROW.items() if key != "peak_mb"}
    half = changed(yardsticks={"networks": 0.2, "rest": 0.4}, **slow)
    half["median"]["cold"] |= slow
    assert worse(RUN, half) == set()
    half["median"]["warm"]["detect"] *= 1.4
    assert worse(RUN, half) == {("warm", "detect")}
    # On a host whose networks alone are slower, the rest is not excused.
    assert ("warm", "load") in worse(
        RUN, changed(yardsticks={"networks": 0.2, "rest": 0.2}, load=2.0, wall=6.0)
    )


def test_without_yardsticks_shares_of_the_wall_time_are_compared():
    former = {key: value for key, value in RUN.items() if key != "yardsticks_s"}
    slow = changed(**{key: 3 * value for key, value in ROW.items() if key != "peak_mb"})
    assert worse(former, slow) == set()
    assert worse(former, changed(detect=2.0)) == {("warm", "detect")}
    assert "wall" not in {one.measure for one in changes(former, slow)}


@pytest.mark.parametrize("other", [{"study": "other"}, {"options": ["--threads=1"]}])
def test_runs_of_different_things_are_not_compared(other):
    with pytest.raises(NotComparable, match="the earlier run has"):
        changes(RUN, {**RUN, **other})


def test_what_became_worse_is_printed_with_its_ratio(capsys):
    print_changes(changes(RUN, changed(detect=3.0)))
    out = capsys.readouterr().out
    assert "| warm | detect | yardsticks (networks) | 15 | 30 | 2.00 | WORSE |" in out
    assert "Worse: warm detect (2.00 times)" in out
    print_changes(changes(RUN, RUN))
    assert "nothing beyond the tolerance" in capsys.readouterr().out
