"""The rules of LUNA16 on cases small enough to count by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstread.evaluation.froc import Scored, ScoredScan, Truth, froc, match


def at(x: float, score: float) -> Scored:
    return Scored((x, 0.0, 0.0), score)


def nodule(x: float, *, diameter_mm: float = 10.0, counts: bool = True, **labels: str) -> Truth:
    return Truth((x, 0.0, 0.0), diameter_mm, counts, labels)


def two_scans() -> list[ScoredScan]:
    """Three nodules that count, one that does not; false positives at 0.8 and 0.3 in the second scan."""
    first = ScoredScan(
        "first",
        [at(1, 0.9), at(4, 0.95), at(52, 0.5), at(101, 0.99)],
        [nodule(0, size="small"), nodule(50, size="large"), nodule(100, counts=False)],
    )
    second = ScoredScan("second", [at(200, 0.8), at(1, 0.4), at(300, 0.3)], [nodule(0, size="large")])
    return [first, second]


def sensitivities(scans: list[ScoredScan], **options: object) -> list[float | None]:
    return [rate.sensitivity.value for rate in froc(scans, count=50, **options).rates]


def test_a_candidate_hits_on_the_radius_and_not_beyond():
    scan = ScoredScan("a", [at(5.0, 0.5), at(5.01, 0.9)], [nodule(0)])
    told = match(scan)
    assert told.best == (0.5,)
    assert told.false_positives == (0.9,)


def test_the_least_radius_widens_small_nodules_only():
    scan = ScoredScan("a", [at(3.0, 0.5), at(54.0, 0.4)], [nodule(0, diameter_mm=4), nodule(50)])
    assert match(scan).best == (float("-inf"), 0.4)
    assert match(scan, least_radius_mm=3.0).best == (0.5, 0.4)


def test_of_several_candidates_on_a_nodule_the_best_counts_and_none_is_a_false_positive():
    told = match(two_scans()[0])
    assert told.best == (0.95, 0.5)
    assert told.false_positives == ()


def test_a_candidate_between_two_nodules_hits_both():
    assert match(ScoredScan("a", [at(4, 0.7)], [nodule(0), nodule(8)])).best == (0.7, 0.7)


def test_what_does_not_count_is_neither_asked_for_nor_held_against():
    told = match(ScoredScan("a", [at(0, 0.7)], [nodule(0, counts=False)]))
    assert (told.best, told.false_positives) == ((), ())


def test_the_curve_counted_by_hand():
    # Levels: 0.95 hit, 0.8 false, 0.5 hit, 0.4 hit, 0.3 false: 1/3 without a false positive, 3/3 with one in two scans.
    told = froc(two_scans(), threshold=0.45, count=50)
    assert [rate.sensitivity.value for rate in told.rates] == pytest.approx([1 / 3, 1 / 3, 1, 1, 1, 1, 1])
    assert [rate.threshold for rate in told.rates] == [0.95, 0.95, 0.4, 0.3, 0.3, 0.3, 0.3]
    assert told.cpm.value == pytest.approx((2 / 3 + 5) / 7)
    assert (told.scans, told.nodules_that_count, told.nodules_ignored, told.candidates) == (2, 3, 1, 7)
    point = told.at_threshold
    assert point is not None
    assert (point.found, point.sensitivity.value, point.false_positives_a_scan.value) == (2, 2 / 3, 0.5)
    assert told.false_positives_by_scan == {"first": 0, "second": 1}


def test_a_false_positive_and_a_hit_of_equal_score_come_together():
    scans = [ScoredScan("a", [at(0, 0.5), at(99, 0.5)], [nodule(0)])]
    assert sensitivities(scans, rates=(0.5, 1.0)) == [0.0, 1.0]


def test_tables_use_the_false_positives_of_all_scans():
    told = froc(two_scans(), threshold=0.45, count=50)
    table = {stratum.value: stratum for stratum in told.strata}
    assert {name: stratum.nodules for name, stratum in table.items()} == {"small": 1, "large": 2}
    assert [rate.sensitivity.value for rate in table["small"].rates] == [1.0] * 7
    assert [rate.sensitivity.value for rate in table["large"].rates] == [0, 0, 1, 1, 1, 1, 1]
    assert table["large"].at_threshold.value == 0.5
    assert table["large"].at_threshold.n == 2


def test_ranges_come_in_the_order_of_their_numbers_and_words_by_the_alphabet():
    sizes = ["12 mm and more", "3 to 6 mm", "under 3 mm", "6 to 12 mm"]
    nodules = [nodule(50.0 * n, size=size) for n, size in enumerate(sizes)]
    nodules += [nodule(500, texture="solid"), nodule(600, texture="ground-glass")]
    told = froc([ScoredScan("a", [], nodules)], count=5)
    assert [s.value for s in told.strata if s.label == "size"] == [
        "under 3 mm", "3 to 6 mm", "6 to 12 mm", "12 mm and more",
    ]  # fmt: skip
    assert [s.value for s in told.strata if s.label == "texture"] == ["ground-glass", "solid"]


def test_a_perfect_detector_has_a_sensitivity_of_1_with_no_spread():
    scans = [ScoredScan(name, [at(0, 0.9)], [nodule(0)]) for name in "abcde"]
    told = froc(scans)
    for estimate in (*(rate.sensitivity for rate in told.rates), told.cpm):
        assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)


def test_a_detector_that_finds_nothing_has_0():
    told = froc([ScoredScan("a", [], [nodule(0)]), ScoredScan("b", [], [])], threshold=0.5)
    assert told.cpm.value == 0.0
    assert told.rates[0].threshold is None
    assert told.nodules[0].score is None


def test_scans_without_a_nodule_that_counts_have_no_sensitivity_but_false_positives():
    told = froc([ScoredScan("a", [at(0, 0.9)], []), ScoredScan("b", [], [])], threshold=0.5)
    assert told.cpm.value is None
    assert told.at_threshold.sensitivity.value is None
    assert told.at_threshold.false_positives_a_scan.value == 0.5


def test_the_interval_is_drawn_by_patient():
    def scans(patients: str) -> list[ScoredScan]:
        return [
            ScoredScan(str(n), [at(0, 0.9)] if n % 2 else [], [nodule(0)], patient)
            for n, patient in enumerate(patients)
        ]

    apart, together = froc(scans("abcdefgh")), froc(scans("acacacac"))
    assert (apart.patients, together.patients) == (8, 2)
    assert (together.cpm.low, together.cpm.high) == (0.0, 1.0)
    assert 0.0 < apart.cpm.low < 0.5 < apart.cpm.high < 1.0
    assert froc(scans("aaaaaaaa")).cpm.low is None


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(score: float):
    with pytest.raises(ValueError, match="not a finite number"):
        froc([ScoredScan("a", [at(0, score)], [])])


def test_no_scan_is_refused():
    with pytest.raises(ValueError, match="no scan"):
        froc([])


PLACES = st.integers(-40, 40).map(float)
SCORES = st.integers(0, 8).map(lambda n: n / 8)
SCANS = st.lists(
    st.tuples(
        st.lists(st.tuples(PLACES, SCORES), max_size=6),
        st.lists(st.tuples(PLACES, st.booleans()), max_size=4),
    ),
    min_size=1,
    max_size=4,
)


def built(drawn: list) -> list[ScoredScan]:
    return [
        ScoredScan(str(n), [at(x, s) for x, s in found], [nodule(x, counts=c) for x, c in there])
        for n, (found, there) in enumerate(drawn)
    ]


@given(SCANS)
def test_more_false_positives_allowed_never_find_less(drawn: list):
    told = froc(built(drawn), count=5)
    for rates in (told.rates, told.curve):
        values = [rate.sensitivity.value for rate in rates]
        assert all(v is None for v in values) or values == sorted(values)


@given(SCANS, st.randoms(use_true_random=False))
def test_the_order_of_scans_candidates_and_nodules_does_not_matter(drawn: list, random):
    shuffled = [(random.sample(f, len(f)), random.sample(t, len(t))) for f, t in drawn]
    assert sensitivities(built(shuffled)[::-1]) == sensitivities(built(drawn))


@given(SCANS, SCORES)
def test_a_further_false_positive_never_raises_the_sensitivity(drawn: list, score: float):
    before = sensitivities(built(drawn))
    worse = [
        ([*found, (1000.0, score)] if n == 0 else found, there) for n, (found, there) in enumerate(drawn)
    ]
    after = sensitivities(built(worse))
    assert all(a is None or a <= b for a, b in zip(after, before, strict=True))


@given(SCANS)
def test_every_reported_threshold_keeps_its_promise(drawn: list):
    scans = built(drawn)
    for rate in froc(scans, count=5).rates:
        if rate.threshold is not None:
            point = froc(scans, threshold=rate.threshold, count=5).at_threshold
            assert point.false_positives_a_scan.value <= rate.false_positives_a_scan
            assert point.sensitivity.value == rate.sensitivity.value
