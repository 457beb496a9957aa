import pytest

from firstread.worklist.filters import Filters


def test_an_address_and_its_filters_are_the_same():
    filters = Filters(q="doe", stage="failed", modality="CT", urgency=1, whose="mine", came="7", sort="name")
    said = dict(pair.split("=") for pair in filters.query().split("&"))
    assert Filters.of(said) == filters
    assert Filters.of({}) == Filters() and Filters().query() == ""
    assert filters.query(page=3).endswith("page=3")
    assert "page" not in filters.query(sort="waiting")


@pytest.mark.parametrize(
    "said",
    [
        {"stage": "no"}, {"sort": "'; drop table"}, {"urgency": "9"}, {"page": "0"}, {"page": "-1"}, {"page": "x"},
        {"page": "9" * 40}, {"came": "2"}, {"whose": "yours"},
    ],
)  # fmt: skip
def test_what_is_said_wrongly_is_as_if_it_were_not_said(said):
    assert Filters.of(said) == Filters()


def test_a_search_or_a_modality_is_cut_to_what_can_be_one():
    found = Filters.of({"q": "x" * 1000, "modality": "ct%';"})
    assert (len(found.q), found.modality) == (64, "CT")
