from pathlib import Path

import pytest

from firstread.destinations import Destination
from firstread.errors import UsageError
from firstread.settings import PREFIX, Settings, load_settings, origins

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "settings.md"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A function that writes the TOML file where it is looked for by default."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("FIRSTREAD_CONFIG", raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)

    def write(text: str) -> Path:
        path = tmp_path / "firstread" / "firstread.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_without_anything_the_defaults_of_the_base_directory_specification_hold(config, monkeypatch):
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    assert settings.models == ()
    assert settings.cache_dir == Path.home() / ".cache" / "firstread"
    assert settings.data_dir == Path.home() / ".local" / "share" / "firstread"
    assert settings.threads is None
    assert settings.precision == "auto"


def test_the_environment_comes_before_the_file(config, monkeypatch):
    config('threads = 4\nprecision = "int8"\nmodels = ["~/nets", "/srv/nets"]\n')
    monkeypatch.setenv("FIRSTREAD_THREADS", "2")
    settings = load_settings()
    assert (settings.threads, settings.precision) == (2, "int8")
    assert settings.models == (Path.home() / "nets", Path("/srv/nets"))


def test_search_paths_are_written_as_paths_are(config, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_MODELS", "/a b:~/c:")
    assert load_settings().models == (Path("/a b"), Path.home() / "c")


def test_an_empty_variable_is_an_unset_one(config, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_THREADS", "")
    assert load_settings().threads is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("threads", "0"), ("threads", "many"), ("threads", "5000"), ("precision", "fp16")],
)
def test_a_value_that_cannot_be_is_refused_with_the_name_of_the_setting(config, monkeypatch, name, value):
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(UsageError, match=f"setting {name}") as refused:
        load_settings()
    assert PREFIX + name.upper() in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("thread = 2", "thread"), ("threads = ", "firstread.toml"), ("threads = [2]", "threads")],
)
def test_a_file_that_is_wrong_is_refused_by_name(config, text, complaint):
    path = config(text)
    with pytest.raises(UsageError, match=complaint) as refused:
        load_settings()
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_text_is_refused_by_name(config):
    config("").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UsageError, match=r"firstread\.toml cannot be read"):
        load_settings()


def test_a_file_that_was_named_must_be_there(config, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTREAD_CONFIG", str(tmp_path / "mine.toml"))
    with pytest.raises(UsageError, match="does not exist"):
        load_settings()
    (tmp_path / "mine.toml").write_text("threads = 7")
    assert load_settings().threads == 7


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_variable_and_default(name):
    (row,) = [line for line in REFERENCE.read_text().splitlines() if line.startswith(f"| `{name}`")]
    assert f"`{PREFIX}{name.upper()}`" in row
    assert "Default: " in row


def test_the_archive_has_a_home_of_its_own_and_its_password_is_not_shown(config, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", "~/studies")
    monkeypatch.setenv("FIRSTREAD_DATABASE_URL", "postgresql://me:pass-word@host/name")
    settings = load_settings()
    assert settings.archive_dir == Path.home() / "studies"
    assert "pass-word" not in repr(settings)
    assert settings.database_url.get_secret_value().endswith("pass-word@host/name")


def test_peers_and_destinations_are_written_as_lists_and_tables(config, monkeypatch):
    config('dicom_callers = ["CT1"]\n[destinations]\npacs = "PACS@10.0.0.5:104"\n')
    settings = load_settings()
    assert (settings.dicom_callers, settings.dicom_host) == (("CT1",), "127.0.0.1")
    assert settings.destinations == {"pacs": Destination(address="PACS@10.0.0.5:104")}
    monkeypatch.setenv("FIRSTREAD_DICOM_CALLERS", "CT1@10.0.0.0/24, MR 2")
    assert load_settings().dicom_callers == ("CT1@10.0.0.0/24", "MR 2")


def test_the_systems_file_holds_where_the_user_has_none(config, monkeypatch, tmp_path):
    monkeypatch.setattr("firstread.settings.SYSTEM_FOLDER", tmp_path / "etc")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "firstread.toml").write_text("threads = 3")
    assert load_settings().threads == 3
    config("threads = 4")
    assert load_settings().threads == 4


def test_a_file_in_the_current_folder_is_not_looked_at(config, monkeypatch, tmp_path):
    (tmp_path / "firstread.toml").write_text("threads = 3")
    monkeypatch.chdir(tmp_path)
    assert load_settings().threads is None


def test_a_secret_comes_from_the_file_that_the_environment_names(config, monkeypatch, tmp_path):
    path = config('database_url = "sqlite:////tmp/of-the-file"')
    (tmp_path / "secret").write_text("postgresql://me:secret@host/name\n")
    monkeypatch.setenv("FIRSTREAD_DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert load_settings().database_url.get_secret_value() == "postgresql://me:secret@host/name"
    assert origins() == {"database_url": "FIRSTREAD_DATABASE_URL_FILE"}
    monkeypatch.delenv("FIRSTREAD_DATABASE_URL_FILE")
    assert origins() == {"database_url": str(path)}
    monkeypatch.setenv("FIRSTREAD_DATABASE_URL", "sqlite:////tmp/of-the-environment")
    assert origins() == {"database_url": "FIRSTREAD_DATABASE_URL"}


def test_a_file_of_a_secret_that_cannot_be_read_is_refused_by_its_variable(config, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTREAD_DATABASE_URL_FILE", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match="FIRSTREAD_DATABASE_URL_FILE"):
        load_settings()


def test_secrets_in_a_table_come_from_a_file_of_json(config, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTREAD_DESTINATION_SECRETS_FILE", str(tmp_path / "secrets"))
    (tmp_path / "secrets").write_text('{"web": "me:secret"}\n')
    assert load_settings().destination_secrets["web"].get_secret_value() == "me:secret"
    (tmp_path / "secrets").write_text("web = secret")
    with pytest.raises(UsageError, match="FIRSTREAD_DESTINATION_SECRETS_FILE") as refused:
        load_settings()
    assert "secret\n" not in str(refused.value)
    assert "= secret" not in str(refused.value)


def test_what_is_no_secret_is_not_read_from_a_file(config, monkeypatch, tmp_path):
    (tmp_path / "threads").write_text("7")
    monkeypatch.setenv("FIRSTREAD_THREADS_FILE", str(tmp_path / "threads"))
    assert load_settings().threads is None


def test_a_table_in_the_environment_that_is_no_json_is_refused_without_its_value(config, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_DESTINATIONS", "pacs=PACS@10.0.0.5")
    with pytest.raises(UsageError, match="destinations") as refused:
        load_settings()
    assert "PACS@" not in str(refused.value)


def test_a_destination_may_be_a_table_and_its_secret_is_kept_apart(config, monkeypatch):
    config(
        '[destinations.web]\naddress = "stow:https://pacs.example/dicom-web/"\ndocuments = ["sr", "seg"]\n'
    )
    monkeypatch.setenv("FIRSTREAD_DESTINATION_SECRETS", '{"web": "me:a password"}')
    settings = load_settings()
    web = settings.destinations["web"]
    assert (web.kind, web.place) == ("stow", "https://pacs.example/dicom-web")
    assert web.documents == ("sr", "seg")
    assert settings.destination_secrets["web"].get_secret_value() == "me:a password"
    assert "a password" not in repr(settings)


def test_a_destination_that_is_wrong_is_refused_without_repeating_it(config):
    config('[destinations]\nweb = "stow:https://me:secret@pacs.example/dicom-web"\n')
    with pytest.raises(UsageError, match="destination_secrets") as refused:
        load_settings()
    assert "secret@" not in str(refused.value)
