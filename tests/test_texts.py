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


def test_one_thing_has_words_of_its_own_where_there_are_some():
    texts = Texts(
        "en", by_key({"study": {"images": "{n} images", "images_one": "{n} image", "series": "{n} series"}})
    )
    assert [texts.counted("study.images", n) for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert texts.counted("study.series", 1) == "1 series"
