import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from firstread.workflow.routes import Conditions, Route, decide
from firstread.workflow.routes.load import parse_routes
from firstread.workflow.routes.route import Hours, Range
from tests.workflow.routes.samples import CHEST, THICK, THIN, TOPOGRAM, route

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "routes.md"


@pytest.mark.parametrize(
    ("hours", "within", "beyond"),
    [
        ({"start": 18, "end": 7}, [18, 23, 0, 6], [7, 17]),
        ({"start": 7, "end": 18}, [7, 17], [18, 6, 0]),
        ({"start": 18, "end": 24}, [18, 23], [0, 17]),
        ({"start": 0, "end": 24}, [0, 23], []),
    ],
)
def test_hours_go_from_the_first_until_the_last_over_midnight_where_that_is_earlier(hours, within, beyond):
    made = Hours(**hours)
    assert all(hour in made for hour in within)
    assert not any(hour in made for hour in beyond)


def test_a_range_has_both_its_ends():
    assert all(value in Range(min=1, max=2.5) for value in (1, 2, 2.5))
    assert not any(value in Range(min=1, max=2.5) for value in (0.99, 2.51))
    assert str(Range(min=1, max=2.5)) == "1 to 2.5"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 65},
        {"lang": "de"},
        {"when": None},
        {"destinations": [""]},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_route_is_refused_where_it_could_not_be_meant(wrong):
    with pytest.raises(ValidationError):
        Route.model_validate({"name": "a", "reader": "b", "when": {"modality": "CT"}, **wrong})


def test_one_name_may_stand_for_a_list_of_one():
    assert route(destinations="pacs").destinations == ("pacs",)
    assert route(when={"modality": "CT"}).when.modality == ("CT",)


def test_the_documented_routes_do_what_the_page_says():
    usual, urgent = re.findall(r"^```\n(\[\[routes.*?)^```", HOW_TO.read_text(), re.DOTALL | re.MULTILINE)
    routes = (*parse_routes(urgent, HOW_TO), *parse_routes(usual, HOW_TO))

    def priorities(**facts):
        return [(read.priority, read.series_uid) for read in decide(replace(CHEST, **facts), routes).reads]

    thin = THIN.series_uid
    assert priorities() == [("routine", thin)]
    assert priorities(source=("ER2",)) == [("stat", thin)]
    assert priorities(source=("ER2",), age_years=9.0) == [("stat", thin)]
    assert priorities(age_years=9.0) == priorities(series=(TOPOGRAM, THICK)) == []
    assert priorities(requested_priority="STAT", series=(THIN, THICK)) == [("urgent", thin)]


@pytest.mark.parametrize("key", [*Route.model_fields, *Conditions.model_fields])
def test_every_key_and_condition_is_documented(key):
    assert f"| `{key}` |" in HOW_TO.read_text()
