import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstread.archive.names import LONGEST_NAME, folded, words


@pytest.mark.parametrize(("one", "two"), [("DOE^JANE", "Doe^Jane"), ("ＤＯＥ^Jane", "doe^jane")])
def test_names_that_differ_only_in_case_or_width_are_one_when_folded(one, two):
    assert folded(one) == folded(two)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Doe^Jane", ("doe", "jane")),
        ("Müller-Lüdenscheidt^Jean-Paul", ("müller-lüdenscheidt", "lüdenscheidt", "jean-paul", "paul")),
        ("Wang^XiaoDong=王^小东", ("wang", "xiaodong", "王", "小东")),
        ("van der Berg^Anna^Anna^Dr.", ("van", "der", "berg", "anna", "dr.")),
        ("^^= ", ()),
        ("", ()),
    ],
)
def test_a_name_is_taken_apart_into_words(name, expected):
    assert words(name) == expected


@given(st.text(max_size=400))
def test_words_of_any_name_are_in_it_without_delimiters_and_each_once(name):
    found = words(name)
    assert len(set(found)) == len(found)
    assert all(word and word in folded(name) and not set(word) & set("^=, \t\n") for word in found)
    assert all(len(word) <= LONGEST_NAME for word in found)
