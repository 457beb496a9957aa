import re

import pytest
import requests

from firstread.web.static_files import FOLDER, edition, static_url
from tests.network.dicomweb.conftest import serving


@pytest.fixture
def url(sqlite_archive):
    with serving(sqlite_archive) as started:
        yield started


def test_a_file_is_kept_until_any_of_them_changes(url):
    answer = requests.get(url + static_url("firstread.css"), timeout=10)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    old = requests.get(f"{url}/static/{'0' * 16}/firstread.css", timeout=10)
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")


def test_nothing_outside_the_folder_is_served(url):
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "nothing.css", "", "js"):
        assert requests.get(f"{url}/static/{edition()}/{name}", timeout=10).status_code == 404


def test_scripts_import_only_what_is_there_and_nothing_is_loaded_from_elsewhere():
    for path in (FOLDER / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'^\s*(?:import|export).*?["\']([^"\']+)["\'];', text, re.MULTILINE):
            assert (path.parent / name).is_file(), (path.name, name)
        assert not re.search(r"https?://|\beval\(|new Function|innerHTML\s*=", text), path.name
    for path in FOLDER.glob("*.css"):
        assert "url(" not in path.read_text(encoding="utf-8")


def test_what_is_not_ours_has_its_licence_beside_it():
    for path in (FOLDER / "vendor").glob("*.js"):
        assert (path.parent / f"{path.name.partition('.')[0]}.LICENSE").is_file()
