import json
import re
import tomllib

import pytest

from firstread.cli.example_settings import example_settings
from firstread.settings import Settings


@pytest.fixture
def file(monkeypatch, tmp_path):
    """A function that writes the settings file."""

    def write(text):
        path = tmp_path / "firstread.toml"
        path.write_text(text)
        path.chmod(0o600)
        monkeypatch.setenv("FIRSTREAD_CONFIG", str(path))
        return path

    return write


def test_every_value_is_shown_with_where_it_is_from_and_no_secret(firstread, file, monkeypatch):
    path = file('threads = 4\ndatabase_url = "postgresql://me:geheim@db/archive"\n')
    monkeypatch.setenv("FIRSTREAD_DICOM_PORT", "104")
    shown = firstread("config", "show", "--json")
    rows = json.loads(shown.out)
    assert rows["threads"] == {"value": 4, "from": str(path)}
    assert rows["dicom_port"] == {"value": 104, "from": "FIRSTREAD_DICOM_PORT"}
    assert rows["precision"] == {"value": "auto", "from": "the default"}
    assert set(rows) == set(Settings.model_fields)
    table = firstread("config", "show")
    assert re.search(rf"^threads +4 +{re.escape(str(path))}", table.out, re.MULTILINE)
    assert "geheim" not in shown.out + table.out
    assert "database_url" in table.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dicom_ports = 104", "dicom_ports"),
        ('dicom_networks = ["here"]', "no network"),
        ('dicom_tls_certificate = "/none.pem"', "TLS file"),
        ('api_host = "0.0.0.0"', "api_allow_remote"),
        ('[[routes]]\nname = "ct"\nreader = "nobody"\nwhen = { modality = "CT" }', "nobody"),
    ],
)
def test_the_check_finds_what_serve_would_refuse(firstread, file, text, said):
    file(text)
    checked = firstread("config", "check")
    assert checked.code == 2
    assert said in checked.err


def test_the_check_finds_a_destination_to_which_nothing_could_be_delivered(firstread, file):
    file('[destinations]\nris = "webhook:https://ris.example"\n')
    checked = firstread("config", "check")
    assert checked.code == 2
    assert "ris has no key" in checked.err


def test_the_check_says_which_file_it_is_about_and_whether_others_may_read_its_secrets(firstread, file):
    path = file('database_url = "postgresql://me:geheim@db/archive"')
    checked = firstread("config", "check")
    assert (checked.code, checked.err) == (0, "")
    assert str(path) in checked.out
    path.chmod(0o644)
    warned = firstread("config", "check")
    assert warned.code == 0
    assert "chmod 600" in warned.err
    assert "geheim" not in warned.out + warned.err


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_default_or_an_example_to_show(name):
    assert re.search(rf"^#(\[+{name}\]+|{name} = .+)$", example_settings(), re.MULTILINE), (
        f"give {name} in settings.py examples=[...]"
    )


def test_the_example_sets_nothing_and_names_every_setting(firstread, file):
    printed = firstread("config", "example").out
    assert printed == example_settings()
    assert tomllib.loads(printed) == {}
    file(re.sub(r"^#(?! )", "", printed, flags=re.MULTILINE))
    rows = json.loads(firstread("config", "show", "--json").out)
    assert [name for name, row in rows.items() if row["from"] == "the default"] == []


def test_check_looks_at_the_proxies(firstread, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_API_TRUSTED_PROXIES", "10.0.0.1,proxy.example")
    checked = firstread("config", "check")
    assert checked.code == 2 and "'proxy.example' is no network" in checked.err


def test_check_looks_at_the_provider_and_the_known_passwords(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_OIDC_ISSUER", "http://login.example")
    assert "oidc_issuer" in firstread("config", "check").err
    monkeypatch.delenv("FIRSTREAD_OIDC_ISSUER")
    monkeypatch.setenv("FIRSTREAD_BREACHED_PASSWORDS", str(tmp_path / "missing"))
    assert "breached_passwords" in firstread("config", "check").err
