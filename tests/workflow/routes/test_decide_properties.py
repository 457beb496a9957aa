"""What holds of every decision, whatever a study is and whatever routes there are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firstread.workflow.routes import Route, SeriesFacts, StudyFacts, decide
from firstread.workflow.routes.change import as_toml
from firstread.workflow.routes.load import parse_routes
from firstread.workflow.routes.route import WEEKDAYS

few = settings(max_examples=50)  # each makes up to a hundred regular expressions

# Few values, so that conditions are often met; and any text, for headers hold anything.
TEXTS = st.sampled_from(["", "CT", "ct", "CHEST", "CHEST CT", "STAT", "胸部", "F"]) | st.text(max_size=8)
WORDS = st.lists(TEXTS, max_size=3).map(tuple)
NUMBERS = st.sampled_from([0.0, 1.0, 2.5, 60.0]) | st.floats(allow_nan=False, allow_infinity=False)
PRINTABLE = st.text(st.characters(exclude_categories=["C"]), max_size=8).filter(str.isprintable)
PATTERNS = st.sampled_from(["", "CT", "*", "CH*", "?T", "/ct|mr/", "/.*/"]) | PRINTABLE.filter(
    lambda text: not text.startswith("/")
)
SEVERAL = PATTERNS | st.lists(PATTERNS, min_size=1, max_size=3)
RANGES = st.one_of(
    NUMBERS.map(lambda low: {"min": low}),
    NUMBERS.map(lambda high: {"max": high}),
    st.tuples(NUMBERS, NUMBERS).map(lambda two: {"min": min(two), "max": max(two)}),
)
HOURS = (
    st.tuples(st.integers(0, 23), st.integers(0, 24))
    .filter(lambda two: two[0] != two[1])
    .map(lambda two: {"start": two[0], "end": two[1]})
)

SERIES = st.builds(
    SeriesFacts, series_uid=st.uuids().map(lambda each: f"2.25.{each.int}"), modality=TEXTS, body_part=TEXTS,
    series_description=TEXTS, image_type=WORDS, kernel=TEXTS, slice_thickness_mm=st.none() | NUMBERS,
    images=st.integers(0, 1 << 40),
)  # fmt: skip
FACTS = st.builds(
    StudyFacts, study_uid=st.just("1"), source=WORDS, institution=TEXTS, study_description=TEXTS,
    requested_priority=TEXTS, age_years=st.none() | NUMBERS, sex=TEXTS, weekday=st.sampled_from(["", *WEEKDAYS]),
    hour=st.none() | st.integers(0, 23), series=st.lists(SERIES, max_size=4).map(tuple), prior=st.booleans(),
)  # fmt: skip
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "source": SEVERAL, "institution": SEVERAL, "study_description": SEVERAL, "requested_priority": SEVERAL,
        "age_years": RANGES, "sex": SEVERAL, "weekday": st.sampled_from(WEEKDAYS), "hour": HOURS, "modality": SEVERAL,
        "body_part": SEVERAL, "series_description": SEVERAL, "image_type": SEVERAL, "kernel": SEVERAL,
        "slice_thickness_mm": RANGES, "images": RANGES,
    },
).filter(bool)  # fmt: skip
ROUTES = st.lists(
    st.builds(
        lambda **said: said, reader=st.sampled_from(["one", "two"]), when=CONDITIONS, unless=st.none() | CONDITIONS,
        priority=st.sampled_from(["stat", "urgent", "routine"]), enabled=st.booleans(),
    ),
    max_size=5,
).map(lambda each: tuple(Route(name=f"route {n}", **said) for n, said in enumerate(each)))  # fmt: skip


@few
@given(FACTS, ROUTES)
def test_a_decision_is_the_same_each_time_and_its_reads_are_those_of_the_explanation(facts, routes):
    decision = decide(facts, routes)
    assert decision == decide(facts, routes)
    told = [(verdict.route, verdict.reader) for verdict in decision.explanation if verdict.outcome == "reads"]
    assert [(read.route, read.reader) for read in decision.reads] == told
    assert [verdict.route for verdict in decision.explanation] == [route.name for route in routes]
    assert len({read.reader for read in decision.reads}) == len(decision.reads)
    assert {read.series_uid for read in decision.reads} <= {
        None,
        *(series.series_uid for series in facts.series),
    }


@few
@given(FACTS, ROUTES)
def test_a_route_fits_exactly_where_the_checks_of_its_explanation_let_it(facts, routes):
    for route, verdict in zip(routes, decide(facts, routes).explanation, strict=True):
        if verdict.outcome in ("is not asked", "is disabled"):
            assert not verdict.checks
            assert verdict.outcome == "is not asked" or not route.enabled
            continue
        given_conditions = set(route.when.given()) | set(route.unless.given() if route.unless else ())
        assert {check.condition for check in verdict.checks} == given_conditions
        of_study = all(check.lets_pass for check in verdict.checks if not check.series_uid)
        fitting = [
            series.series_uid
            for series in facts.series
            if all(check.lets_pass for check in verdict.checks if check.series_uid == series.series_uid)
        ]
        assert list(verdict.series) == (fitting if of_study else [])
        assert (verdict.outcome == "does not fit") == (not verdict.series)


@few
@given(FACTS, ROUTES)
def test_a_route_that_another_precedes_does_not_change_what_is_read_by_the_first(facts, routes):
    decision = decide(facts, routes)
    for verdict in decision.explanation:
        if verdict.outcome == "comes after":
            assert verdict.after in {read.route for read in decision.reads if read.reader == verdict.reader}
            left = tuple(route for route in routes if route.name != verdict.route)
            assert decide(facts, left).reads == decision.reads


@few
@given(ROUTES)
def test_routes_are_written_as_they_are_read(tmp_path_factory, routes):
    assert parse_routes("\n".join(map(as_toml, routes)), tmp_path_factory.getbasetemp()) == routes
