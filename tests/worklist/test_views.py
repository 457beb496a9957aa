import pytest

from firstread.access import Actor
from firstread.archive.database import writing
from firstread.errors import UsageError
from firstread.worklist import views
from firstread.worklist.filters import Filters
from firstread.worklist.views import owner_of, remove_view, save_view, views_of


def test_a_view_is_kept_for_one_person_and_replaced_by_its_name(archive):
    with writing(archive.engine) as connection:
        save_view(connection, "account:1", "Chest", Filters(modality="CT"))
        save_view(connection, "account:1", " Chest ", Filters(modality="DX"))
        save_view(connection, "account:2", "Chest", Filters(q="x"))
        (mine,) = views_of(connection, "account:1")
        assert (mine.name, mine.query) == ("Chest", "modality=DX")
        assert not remove_view(connection, "account:2", mine.id)
        assert remove_view(connection, "account:1", mine.id)
        assert views_of(connection, "account:1") == []
        assert len(views_of(connection, "account:2")) == 1


def test_a_view_needs_a_name_and_there_is_an_end_of_them(sqlite_archive, monkeypatch):
    monkeypatch.setattr(views, "MOST", 1)
    with writing(sqlite_archive.engine) as connection:
        for name in ("", "  ", "x" * 61):
            with pytest.raises(UsageError):
                save_view(connection, "o", name, Filters())
        save_view(connection, "o", "a", Filters())
        with pytest.raises(UsageError):
            save_view(connection, "o", "b", Filters())


def test_persons_are_told_apart_by_their_accounts():
    assert owner_of(Actor("person", "jane", account=7)) == "account:7"
    assert owner_of(Actor("local", "jane")) == "local:jane"
