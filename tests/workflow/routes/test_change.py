import stat
import tomllib

import pytest

from firstread.errors import FirstreadError, UsageError
from firstread.settings import Settings
from firstread.workflow.routes import Route, load_routes
from firstread.workflow.routes.change import add_routes, as_toml, remove_route, undo
from tests.workflow.routes.samples import route

WRITTEN = """\
# Agreed with Dr. Chen.

# Night shift first.
[[routes]]
name = "night"   # 18 to 7
reader = "lung_nodule"
when = { hour = { start = 18, end = 7 } }

[[routes]]
name = "day"
reader = "lung_nodule"
[routes.when]
modality = "CT"
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(
        routes_file=tmp_path / "config" / "routes.toml", destinations={"pacs": "PACS@10.0.0.5:104"}
    )


@pytest.fixture
def written(settings):
    """The file of routes, with two of them and comments."""
    settings.routes_file.parent.mkdir()
    settings.routes_file.write_text(WRITTEN)
    return settings.routes_file


def names(settings):
    return [each.name for each in load_routes(settings)]


def test_the_first_route_makes_the_file(settings):
    one = route(destinations=["pacs"], when={"modality": "CT", "slice_thickness_mm": {"max": 2.5}})
    add_routes(settings, [one])
    assert load_routes(settings) == (one,)
    undo(settings)
    assert load_routes(settings) == ()


def test_routes_are_added_at_the_end_or_before_another_and_comments_stay(settings, written):
    add_routes(settings, [route("last")])
    add_routes(settings, [route("first"), route("second")], before="night")
    assert names(settings) == ["first", "second", "night", "day", "last"]
    text = written.read_text()
    assert text.startswith("# Agreed with Dr. Chen.\n")
    assert '# Night shift first.\n[[routes]]\nname = "night"   # 18 to 7\n' in text


def test_a_removed_route_takes_the_comment_above_it_along(settings, written):
    remove_route(settings, "night")
    assert names(settings) == ["day"]
    assert (
        written.read_text()
        == "# Agreed with Dr. Chen.\n\n" + WRITTEN[WRITTEN.index('[[routes]]\nname = "day"') :]
    )


def test_a_change_is_taken_back_and_made_again(settings, written):
    remove_route(settings, "night")
    assert [each.name for each in undo(settings)] == ["night", "day"]
    assert written.read_text() == WRITTEN
    undo(settings)
    assert names(settings) == ["day"]


def test_the_file_keeps_its_mode(settings, written):
    written.chmod(0o640)
    remove_route(settings, "night")
    undo(settings)
    assert stat.S_IMODE(written.stat().st_mode) == 0o640


def test_without_a_change_there_is_none_to_take_back(settings, written):
    with pytest.raises(UsageError, match="no change"):
        undo(settings)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda settings: add_routes(settings, [route("day")]), "another route has it"),
        (lambda settings: add_routes(settings, [route("new", reader="oracle")]), "no reader 'oracle'"),
        (lambda settings: add_routes(settings, [route("new", destinations=["x"])]), "no destination 'x'"),
        (lambda settings: add_routes(settings, [route("new")], before="noon"), "no route 'noon'"),
        (lambda settings: remove_route(settings, "noon"), "no route 'noon'"),
    ],
)
def test_what_cannot_be_changes_nothing(settings, written, change, told):
    with pytest.raises(UsageError, match=told):
        change(settings)
    assert written.read_text() == WRITTEN
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_a_file_that_is_written_another_way_is_left_alone(settings, written):
    other = 'routes = [{ name = "one", reader = "lung_nodule", when = { modality = "CT" } }]\n'
    written.write_text(other)
    with pytest.raises(UsageError, match="not written one"):
        add_routes(settings, [route("two")])
    with pytest.raises(UsageError, match="not written one"):
        remove_route(settings, "one")
    assert written.read_text() == other


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FirstreadError, match="cannot be written"):
        add_routes(Settings(routes_file=tmp_path / "file" / "routes.toml"), [route()])


@pytest.mark.parametrize(
    "one",
    [
        route(),
        route('night "shift" \\ 夜', priority="stat", lang="zh", enabled=False, destinations=["a", "b"]),
        route(when={"modality": ["CT", ""], "study_description": "/.*\\d\\s(a|b).*/", "weekday": "sat"}),
        route(
            when={"images": {"min": 40}}, unless={"hour": {"start": 0, "end": 24}, "age_years": {"max": 17.5}}
        ),
    ],
)
def test_a_route_is_written_as_it_is_read(one):
    (table,) = tomllib.loads(as_toml(one))["routes"]
    assert Route.model_validate(table) == one
