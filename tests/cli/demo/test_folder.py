import pytest

from firstread.cli.demo.folder import prepare_folder
from firstread.errors import UsageError


def test_a_former_demo_is_replaced(tmp_path):
    folder = prepare_folder(tmp_path / "out" / "demo")
    folder.study.mkdir()
    (folder.study / "ct-0001.dcm").touch()
    again = prepare_folder(tmp_path / "out" / "demo")
    assert again == folder
    assert not again.study.exists()
    assert again.results.is_dir()
    assert again.path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["thesis.tex", "firstread.toml"])
def test_what_is_not_a_demos_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("threads = 2\n")
    with pytest.raises(UsageError, match="other files"):
        prepare_folder(tmp_path)
    assert (tmp_path / name).read_text() == "threads = 2\n"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "demo").touch()
    with pytest.raises(UsageError):
        prepare_folder(tmp_path / "demo")
    assert (tmp_path / "demo").is_file()


def test_a_folder_that_is_empty_is_taken(tmp_path):
    assert prepare_folder(tmp_path).path == tmp_path
