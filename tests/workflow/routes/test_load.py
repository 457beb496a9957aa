import pytest

from firstread.errors import UsageError
from firstread.settings import Settings, load_settings
from firstread.workflow.routes import load_routes
from firstread.workflow.routes.load import LARGEST_FILE

CT = '[[routes]]\nname = "chest"\nreader = "lung_nodule"\nwhen = { modality = "CT" }\n'


@pytest.fixture
def written(tmp_path):
    """A function that writes the file of routes and returns settings that name it."""

    def write(text, **settings):
        path = tmp_path / "routes.toml"
        path.write_text(text)
        return Settings(routes_file=path, **settings)

    return write


def test_routes_of_the_settings_come_before_those_of_the_file(written):
    settings = written(CT, routes=[{"name": "first", "reader": "lung_nodule", "when": {"source": "ER*"}}])
    assert [route.name for route in load_routes(settings)] == ["first", "chest"]


def test_routes_are_read_from_the_settings_file_and_from_routes_toml_beside_it(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text(CT)
    (tmp_path / "routes.toml").write_text(CT.replace("chest", "later"))
    monkeypatch.setenv("FIRSTREAD_CONFIG", str(tmp_path / "config.toml"))
    assert [route.name for route in load_routes(load_settings())] == ["chest", "later"]


def test_without_any_there_are_none():
    assert load_routes(Settings()) == ()


def test_a_change_of_the_file_holds_at_once(written):
    settings = written(CT)
    load_routes(settings)
    settings.routes_file.write_text("")
    assert load_routes(settings) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CT.replace("chest", ""), "'1 of .*name: "),
        (CT.replace("modality", "modalty"), "'chest' cannot be used: when.modalty: "),
        (CT.replace('"CT"', "5"), "'chest' cannot be used: when.modality"),
        (CT.replace('{ modality = "CT" }', "{}"), "'chest' cannot be used: when: at least one condition"),
        (CT.replace('"CT"', '"/(/"'), "'chest' cannot be used: when.modality.0: no regular expression"),
        (CT.replace('modality = "CT"', "images = { min = 5, max = 4 }"), "when.images: min is more than max"),
        (CT.replace('modality = "CT"', "images = {}"), "when.images: a range needs min or max"),
        (CT.replace('modality = "CT"', "age_years = { min = nan }"), "when.age_years.min: "),
        (CT.replace('modality = "CT"', "hour = { start = 7, end = 7 }"), "when.hour: start and end are the same"),
        (CT.replace('modality = "CT"', 'weekday = "someday"'), "when.weekday.0: "),
        (CT + 'priority = "asap"\n', "'chest' cannot be used: priority: "),
        (CT + 'prioritty = "stat"\n', "'chest' cannot be used: prioritty: "),
        (CT + 'unless = { modality = [] }\n', "'chest' cannot be used: unless.modality: "),
        (CT.replace("lung_nodule", "oracle"), "'chest' cannot be used: reader: no reader 'oracle' is installed"),
        (CT + 'destinations = ["pacs"]\n', "destinations: there is no destination 'pacs'"),
        (CT + CT, "'chest' cannot be used: name: another route has it"),
        ("[[routes]", "are no TOML"),
        ("routes = 5", "holds other things than routes"),
        ("[[route]]\n", "holds other things than routes"),
        ("#" * (LARGEST_FILE + 1), "is larger than 1 MiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_with_the_route_and_the_key(written, text, told):
    with pytest.raises(UsageError, match=told) as raised:
        load_routes(written(text))
    assert raised.value.remedy


def test_destinations_of_the_settings_may_be_named(written):
    settings = written(CT + 'destinations = ["pacs"]\n', destinations={"pacs": "PACS@10.0.0.5:104"})
    assert load_routes(settings)[0].destinations == ("pacs",)


def test_a_file_that_the_settings_name_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_routes(Settings(routes_file=tmp_path / "routes.toml"))
