"""Line breaks in headers, and paths for names or UIDs: raw over sockets, as no honest client sends them."""

import io
import socket
import sqlite3
import zipfile
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests

from firstread.archive import open_archive
from firstread.archive.backup import backup, restore
from firstread.archive.part10 import Part10
from firstread.dicom.quiet import quiet
from firstread.errors import FirstreadError, RefusedInput
from tests.access.attacks.hostile import SERIES, STUDY
from tests.archive.samples import instances
from tests.dicom.ct_series import anatomy, ct_series, encode
from tests.network.dicomweb.conftest import multipart, serving

CLIMBS = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "%00/etc/passwd",
)
BREAKS = (
    "%0d%0aSet-Cookie:%20evil=1",
    "%0aX-Evil:%201",
    "%0d%0a%0d%0a<html>",
    "%E5%98%8A%E5%98%8DX-Evil:%201",
)


def raw(url, request: bytes) -> bytes:
    """Send bytes as they are, and return the answer."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
            if len(received) > 1 << 20:
                break
    return received


@pytest.fixture(scope="module")
def url(hostile_archive):
    with serving(hostile_archive) as served:
        yield served


def ask(url, path, *headers):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    head, _, body = raw(url, "\r\n".join(lines).encode()).partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("climb", CLIMBS)
@pytest.mark.parametrize(
    "path",
    [
        "/static/x/{}",
        "/static/{}",
        "/dicom-web/studies/{}",
        "/dicom-web/studies/{}/metadata",
        f"/dicom-web/studies/{STUDY}/series/{{}}",
        f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{{}}",
        f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1/bulkdata/{{}}",
        f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1/frames/{{}}",
    ],
)
def test_no_path_climbs_out(url, path, climb):
    head, body = ask(url, path.format(climb))
    assert b"root:" not in body
    status = int(head.split()[1])
    if status == 307:  # a slash is missing at the end; it stays on this host
        assert b"location: http://localhost/" in head
    else:
        assert 400 <= status < 500


@pytest.mark.parametrize("line_break", BREAKS)
def test_no_address_or_parameter_adds_a_header(url, line_break):
    for path in (
        f"/{line_break}",
        f"/dicom-web/studies/{line_break}",
        f"/dicom-web/studies?PatientID={line_break}",
        f"/dicom-web/studies/{STUDY}/metadata?x={line_break}",
        f"/login?next={line_break}",
        f"/language?next=/{line_break}",
    ):
        head, _ = ask(url, path)
        assert b"x-evil" not in head.replace(b"%0ax-evil", b""), path
        assert b"evil=1" not in head, path
        assert head.count(b"http/1.1") == 1


@pytest.mark.parametrize(
    "header",
    [
        "Accept: application/dicom+json\n X-Evil: 1",
        'Accept: multipart/related; type="application/dicom"; boundary="x\\r\\nX-Evil: 1"',
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: javascript",
        "Forwarded: host=evil.example;proto=https",
    ],
)
def test_no_header_of_a_request_gets_into_the_answer(url, header):
    head, body = ask(url, "/dicom-web/studies", header)
    assert b"x-evil" not in head
    assert b"evil.example" not in head + body.lower()
    assert b"javascript:" not in head


def test_a_foreign_host_is_not_believed(url):
    """Addresses in answers are of the Host header: one that is not this computer's is turned away (DNS rebinding)."""
    answer = raw(url, b"GET /dicom-web/studies HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in (b"401", b"403", b"400")
    assert b"Retrieve" not in answer


@pytest.mark.parametrize(
    "smuggled", ["Transfer-Encoding: chunked\r\nContent-Length: 4", "Content-Length: 4\r\nContent-Length: 60"]
)
def test_a_request_with_two_lengths_smuggles_no_second_one(url, smuggled):
    body = "0\r\n\r\nDELETE /dicom-web/studies/" + STUDY + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = f"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n{smuggled}\r\nConnection: close\r\n\r\n{body}"
    raw(url, sent.encode())
    assert requests.get(f"{url}/dicom-web/studies?StudyInstanceUID={STUDY}", timeout=30).json() != []


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize(
    "climb", ["../../../evil", "/evil", "..", "1.2/../../evil", "1.2\\evil", "1.2\r\nX-Evil: 1"]
)
def test_what_is_stored_under_a_path_for_a_uid_stays_in_the_archive(tmp_path, keyword, climb):
    with quiet():
        (dataset,) = ct_series(anatomy(1, 16))
        setattr(dataset, keyword, climb)
        content = encode(dataset)
    folder = tmp_path / "deep" / "archive"
    with open_archive(folder) as archive, serving(archive) as served:
        answer = requests.post(
            f"{served}/dicom-web/studies",
            data=multipart(content),
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'},
            timeout=60,
        )
        assert answer.status_code in (200, 202, 400, 409)
        assert "x-evil" not in answer.headers
        with pytest.raises(FirstreadError):
            archive.receive(Part10.parse(content))
    outside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(folder) and path.is_file()]
    assert outside == []
    assert not [path for path in folder.rglob("*evil*")]


def test_names_of_parts_of_a_body_name_no_files(tmp_path):
    """A part may have a Content-Disposition or Content-Location of any kind; nothing is written by it."""
    (dataset,) = ct_series(anatomy(1, 16))
    body = (
        b"--B\r\nContent-Type: application/dicom\r\nContent-Location: file:///../../evil\r\n"
        b'Content-Disposition: attachment; filename="../../../evil.dcm"\r\n\r\n'
        + encode(dataset)
        + b"\r\n--B--\r\n"
    )
    folder = tmp_path / "deep" / "archive"
    with open_archive(folder) as archive, serving(archive) as served:
        answer = requests.post(
            f"{served}/dicom-web/studies",
            data=body,
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'},
            timeout=60,
        )
        assert answer.status_code == 200
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("name", ["../../../evil.dcm", "/tmp/evil.dcm", "a/../../evil", "..", "x\0y"])
def test_a_backup_that_names_files_outside_itself_is_refused(tmp_path, name):
    """A zip that slips, as a database: `firstread restore` looks at every name first."""
    with open_archive(tmp_path / "one") as archive:
        for each in instances(2):
            archive.receive(each)
        backup(archive, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup" / "archive.sqlite")) as connection:
        connection.execute("UPDATE instance SET file = ? WHERE id = 1", (name,))
        connection.commit()
    (tmp_path / "evil.dcm").write_bytes(b"of somebody else")
    with open_archive(tmp_path / "deep" / "two") as empty, pytest.raises(RefusedInput, match="outside"):
        restore(empty, tmp_path / "backup")
    assert (tmp_path / "evil.dcm").read_bytes() == b"of somebody else"
    assert not [path for path in (tmp_path / "deep").rglob("*") if "evil" in path.name]


def test_a_zip_that_slips_is_read_and_writes_nothing(tmp_path):
    from firstread.dicom.discover import open_study

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number, dataset in enumerate(ct_series(anatomy(2, 16))):
            archive.writestr(f"../../../../evil-{number}.dcm", encode(dataset))
    path = tmp_path / "deep" / "in.zip"
    path.parent.mkdir()
    path.write_bytes(content.getvalue())
    assert open_study(path).series[0].number_of_images == 2
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["in.zip"]
