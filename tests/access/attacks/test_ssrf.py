"""A node that is made to call: addresses in images, in settings, and in the answers of those that it calls."""

from contextlib import suppress

import pytest
import requests
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from firstread.archive import open_archive
from firstread.archive.part10 import Part10
from firstread.settings import Settings
from firstread.workflow.deliveries import DeliveryFailed, deliver
from tests.access.test_table import routes_of
from tests.dicom.ct_series import ROOT, anatomy, ct_series, encode
from tests.network.dicomweb.conftest import serving

# ruff: noqa: F811 - fixtures of another folder are arguments here
from tests.workflow.deliveries.conftest import (  # noqa: F401
    archive,
    database_url,
    receiver,
    result_folder,
    settings_of,
)

INSIDE = (
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/",
    "http://[fd00::1]/",
    "http://0.0.0.0:8042/",
    "http://2130706434/",
    "http://localhost.evil.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/",
    "ftp://127.0.0.1/",
)


@pytest.mark.parametrize("kind", ["webhook", "stow"])
@pytest.mark.parametrize("address", INSIDE)
def test_no_destination_is_in_the_clear_or_of_another_protocol(kind, address):
    with pytest.raises(ValidationError):
        Settings(destinations={"ris": f"{kind}:{address}"})


@pytest.mark.parametrize(
    "address",
    [
        "https://user:password@hooks.example/x",
        "https://hooks.example/x?url=http://127.0.0.1/",
        "https://hooks.example/x#@127.0.0.1",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example/x\r\nHost: 127.0.0.1",
        "https://hooks.example /x",
        "https:///x",
    ],
)
def test_no_destination_hides_another_host(address):
    with pytest.raises(ValidationError):
        Settings(destinations={"ris": f"webhook:{address}"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_that_redirects_is_not_followed(archive, settings_of, receiver, result_folder, status):
    """Else whoever has the receiving end could have the node call what only the node reaches."""
    receiver.answers.append(RedirectResponse(f"{receiver.url}/inside", status))
    settings = settings_of(secrets={"ris": "a key of the test's"}, ris=f"webhook:{receiver.url}/hook")
    with pytest.raises(DeliveryFailed):
        deliver(archive, settings, "ris", result_folder, "result.json")
    assert [path for _, path, _, _ in receiver.got] == ["/hook"]


def test_a_stow_that_redirects_is_not_followed(archive, settings_of, receiver, result_folder):
    receiver.answers.append(RedirectResponse(f"{receiver.url}/inside", 307))
    settings = settings_of(pacs=f"stow:{receiver.url}/dicom-web")
    with pytest.raises(DeliveryFailed):
        deliver(archive, settings, "pacs", result_folder, "sr.dcm")
    assert [path for _, path, _, _ in receiver.got] == ["/dicom-web/studies"]


def test_proxies_and_passwords_of_the_environment_are_not_used(
    archive,
    settings_of,
    receiver,
    result_folder,
    monkeypatch,
    tmp_path,
):
    (tmp_path / ".netrc").write_text("default login evil password stolen\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    settings = settings_of(secrets={"ris": "a key of the test's"}, ris=f"webhook:{receiver.url}/hook")
    deliver(archive, settings, "ris", result_folder, "result.json")
    ((_, path, headers, _),) = receiver.got
    assert path == "/hook"
    assert "authorization" not in headers


def test_addresses_in_images_are_never_called(tmp_path, receiver):
    """Retrieve URL, Pixel Data Provider URL (JPIP), referenced URIs: they are values, and nothing more."""
    images = ct_series(anatomy(2, 16))
    for ds in images:
        ds.RetrieveURL = f"{receiver.url}/retrieve"
        ds.PixelDataProviderURL = f"{receiver.url}/jpip"
        ds.RetrieveURI = f"{receiver.url}/uri"
        ds.StorageURL = f"{receiver.url}/storage"
        ds.PatientComments = f"<img src='{receiver.url}/comment'>"
    study, series = f"{ROOT}.1", f"{ROOT}.1.1"
    with open_archive(tmp_path / "of-images") as stored:
        for ds in images:
            stored.receive(Part10.parse(encode(ds)))
        with serving(stored) as url:
            for path in (
                "/dicom-web/studies?includefield=all",
                f"/dicom-web/studies/{study}/metadata",
                f"/dicom-web/studies/{study}",
                f"/dicom-web/studies/{study}/series/{series}/instances/{series}.1/frames/1",
                f"/dicom-web/studies/{study}/series/{series}/instances/{series}.1/rendered",
                f"/dicom-web/studies/{study}/thumbnail",
            ):
                assert requests.get(url + path, timeout=30).status_code == 200
    assert receiver.got == []


def test_no_route_takes_an_address_to_call(tmp_path, receiver):
    """Whatever parameter an address is put in, of whichever route that answers to GET."""
    from firstread.web import create_app
    from tests.network.dicomweb.conftest import running

    with open_archive(tmp_path / "empty") as empty:
        app = create_app(empty, keep_metadata=False)
        paths = sorted({path for method, path in routes_of(app) if method == "GET" and "{" not in path})
        with running(app) as url, requests.Session() as session:
            for path in paths:
                if path == "/events":
                    continue
                target = f"{receiver.url}/inside"
                names = ("url", "uri", "next", "redirect", "callback", "src", "host", "webhook", "issuer")
                with suppress(requests.TooManyRedirects):
                    session.get(
                        url + path,
                        params=dict.fromkeys(names, target),
                        headers={"Referer": target, "Origin": receiver.url, "X-Forwarded-Host": target},
                        timeout=30,
                        allow_redirects=False,
                    )
    assert receiver.got == []
