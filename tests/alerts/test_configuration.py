import pytest

from firstread.alerts.configuration import load_configuration, parse_configuration, shipped
from firstread.alerts.models import LEVELS
from firstread.errors import UsageError
from firstread.settings import Settings

RULE = '[[rules]]\nname = "{name}"\ntitle = "T"\nlevel = "hours"\nwhen = {{ concepts = ["x"] }}\n'
CHAIN = """
[[chains]]
name = "{name}"
levels = ["hours"]
steps = [{{ to = ["anyone"], channels = ["web"], minutes = 5 }}]
"""


@pytest.fixture
def parse(tmp_path):
    return lambda text: parse_configuration(text, tmp_path / "alerts.toml")


def test_without_a_file_the_shipped_rules_hold(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_CONFIG", str(tmp_path / "firstread.toml"))
    assert load_configuration(Settings()) is shipped()


def test_every_level_has_a_chain_and_a_clock_as_shipped():
    for level in LEVELS:
        assert shipped().chain_of(level).steps
    assert [shipped().clocks.of(level) for level in LEVELS] == [60, 720, 4320]


def test_every_shipped_rule_has_a_title_in_chinese():
    assert all(rule.title_zh for rule in shipped().rules)


def test_a_site_adds_changes_and_drops_rules(parse):
    made = parse(RULE.format(name="own") + RULE.format(name="pneumothorax"))
    assert made.rules[0].name == "own"
    assert next(each for each in made.rules if each.name == "pneumothorax").title == "T"
    assert len(made.rules) == len(shipped().rules) + 1
    without = parse('disable = ["pneumothorax"]')
    assert len(without.rules) == len(shipped().rules) - 1
    alone = parse("shipped = false\n" + RULE.format(name="own"))
    assert [each.name for each in alone.rules] == ["own"]
    assert alone.chain_of("minutes") == shipped().chain_of("minutes")


def test_a_site_changes_one_clock_and_keeps_the_others(parse):
    assert [parse("[clocks]\nhours = 90").clocks.of(level) for level in LEVELS] == [60, 90, 4320]


def test_a_chain_of_a_department_comes_before_that_of_all(parse):
    made = parse(CHAIN.format(name="er").replace("levels =", 'departments = ["ER"]\nlevels ='))
    assert made.chain_of("hours", "ER").name == "er"
    assert made.chain_of("hours", "ICU").name == "hours"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[", "no TOML"),
        ("colour = 3", "colour"),
        (RULE.format(name="Big Name"), "name"),
        (RULE.format(name="a") * 2, "same name"),
        ('disable = ["nothing"]', "no rule 'nothing'"),
        (CHAIN.format(name="a").replace('"web"', '"fax"'), "no channel 'fax'"),
        (CHAIN.format(name="a").replace('"anyone"', '"everybody"'), "to"),
        (CHAIN.format(name="a").replace("minutes = 5", "minutes = 0"), "minutes"),
        ('[channels.web]\nkind = "webhook"\nurl = "https://a.example"', "browsers' own name"),
        ('[channels.fax]\nkind = "fax"', "channels.fax"),
        ('[channels.a]\nkind = "fhir"\nurl = "http://a.example"', "not https"),
        ("[clocks]\nweeks = 3", "clocks"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_the_name_of_the_key(parse, text, complaint):
    with pytest.raises(UsageError, match=complaint):
        parse(text)


def test_a_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_configuration(Settings(alerts_file=tmp_path / "none.toml"))
