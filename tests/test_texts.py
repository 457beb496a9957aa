import pytest

from firstread.texts import Texts, by_key


def test_texts_are_found_by_table_and_name_and_their_fields_filled_in():
    texts = Texts("en", by_key({"worklist": {"title": "Worklist", "shown": "{count} shown"}}))
    assert texts("worklist.title") == "Worklist"
    assert texts("worklist.shown", count=3) == "3 shown"
    assert texts.template("worklist.shown") == "{count} shown"
    assert texts.keys == ("worklist.shown", "worklist.title")
    assert "worklist.title" in texts
    assert "title" not in texts
    with pytest.raises(KeyError):
        texts("title")
