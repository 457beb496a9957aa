import pytest
import requests

from firstread.access.gate import is_loopback
from tests.network.dicomweb.conftest import serving


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.x:1"]
)
def test_a_page_under_a_name_of_its_own_cannot_call(sqlite_archive, host):
    with serving(sqlite_archive) as url:
        for method, path in (("GET", "/studies"), ("POST", "/studies"), ("DELETE", "/studies/1.2")):
            answer = requests.request(method, f"{url}/dicom-web{path}", headers={"Host": host}, timeout=10)
            assert answer.status_code == 403
            assert "api_allow_remote" in answer.json()["remedy"]


def test_a_setting_opens_the_door(sqlite_archive):
    with serving(sqlite_archive, allow_remote=True) as url:
        answer = requests.get(f"{url}/dicom-web/studies", headers={"Host": "node.example"}, timeout=10)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_what_is_this_computer(host, local):
    assert is_loopback(host) is local
