from email.parser import BytesParser
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from tests.archive.samples import instances
from tests.dicom.ct_series import (
    BIG,
    DEFLATED,
    EXPLICIT,
    HTJ2K,
    IMPLICIT,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    ROOT,
    anatomy,
    ct_series,
)

SERIES = f"/studies/{ROOT}.1/series/{ROOT}.1.1"
INSTANCE = f"{SERIES}/instances/{ROOT}.1.1.1"


def parts(answer):
    """Media type and body of each part."""
    whole = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + answer.content
    message = BytesParser().parsebytes(whole)
    return [(part["Content-Type"], part.get_payload(decode=True)) for part in message.get_payload()]


@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K, RLE])
def test_whatever_is_stored_is_given_in_explicit_little_endian_where_nothing_else_is_asked_for(
    web, sqlite_archive, syntax
):
    (sent,) = ct_series(anatomy(1, 16))
    sqlite_archive.receive(instances(1, syntax=syntax)[0])
    answer = web.get(INSTANCE, Accept="application/dicom")
    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    got = dcmread(DicomBytesIO(answer.content))
    assert got.file_meta.TransferSyntaxUID == EXPLICIT
    assert got.PixelData == sent.PixelData
    assert {e.tag: e.value for e in got} == {e.tag: e.value for e in sent}


def test_what_cannot_be_transcoded_is_refused_alone_and_given_as_it_is_among_others(web, sqlite_archive):
    sqlite_archive.receive(instances(2, syntax=BIG)[0])
    answer = web.get(INSTANCE, Accept="application/dicom")
    assert answer.status_code == 406
    assert "transfer-syntax=*" in answer.json()["remedy"]
    sqlite_archive.receive(instances(2, syntax=JPEG_LS)[1])
    got = parts(web.get(SERIES))
    assert [kind.partition("syntax=")[2] for kind, _ in got] == [BIG, EXPLICIT]


def test_stored_bytes_come_back_bit_for_bit(web, sqlite_archive):
    stored = [sqlite_archive.receive(instance) for instance in instances(3, syntax=JPEG_LS)]
    answer = web.get(SERIES, Accept='multipart/related; type="application/dicom"; transfer-syntax=*')
    files = [sqlite_archive.files.path(receipt.file).read_bytes() for receipt in stored]
    assert [body for _, body in parts(answer)] == files


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("*/*", 200),
        ("image/png, application/dicom;q=0.5", 200),
        ('multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.80', 406),
        ('multipart/related; type="application/dicom"; transfer-syntax=9, application/dicom;q=0.1', 200),
        ("text/html", 406),
        ("application/dicom;q=0", 406),
    ],
)
def test_the_accept_header_decides(web, sqlite_archive, accept, status):
    sqlite_archive.receive(instances(1)[0])
    assert web.get(INSTANCE, Accept=accept).status_code == status


def test_the_accept_parameter_takes_the_place_of_the_header(web, sqlite_archive):
    sqlite_archive.receive(instances(1)[0])
    answer = web.get(f"{INSTANCE}?accept=application/dicom", Accept="text/html")
    assert answer.headers["content-type"].startswith("application/dicom;")


@pytest.mark.parametrize(
    "path",
    [
        "/studies/1.2",
        f"/studies/{ROOT}.1/series/1.2",
        f"{SERIES}/instances/1.2",
        f"/studies/1.2/series/{ROOT}.1.1",
        "/studies/1.2/metadata",
        f"{SERIES}/instances/1.2/frames/1",
    ],
)
def test_what_is_not_there_is_404(web, sqlite_archive, path):
    sqlite_archive.receive(instances(1)[0])
    assert web.get(path).status_code == 404


@pytest.mark.parametrize(
    "uid", ["..", "..%2f..%2fetc", "%2e%2e", "1.2.a", "1" * 65, "1..2", "-", "1.2%00", "1%0a", "*"]
)
def test_what_is_no_uid_never_gets_further(web, uid):
    for path in (f"/studies/{uid}/metadata", f"/studies/1.2/series/{uid}/metadata"):
        answer = web.get(path)
        assert answer.status_code in (400, 404)
        assert "etc" not in answer.text


def test_memory_does_not_grow_with_the_study(sqlite_archive, tmp_path):
    """A study of 96 MB is sent while the server's memory grows by less than 24 MB."""
    import subprocess
    import sys

    import requests

    size = 1024
    for instance in instances(48, size=size):
        sqlite_archive.receive(instance)
    sqlite_archive.close()
    code = (
        "import sys; from pathlib import Path; from firstread.archive import open_archive\n"
        "from firstread.web import create_app; from firstread.web.listen import listen, service\n"
        "s = listen('127.0.0.1', 0); print(s.getsockname()[1], flush=True)\n"
        "service(create_app(open_archive(Path(sys.argv[1])), keep_metadata=False)).run(sockets=[s])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "archive")], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            base = f"http://127.0.0.1:{int(server.stdout.readline())}/dicom-web"

            def peak():
                status = Path(f"/proc/{server.pid}/status").read_text()
                return int(status.partition("VmHWM:")[2].split()[0]) / 1024

            received = requests.get(f"{base}{INSTANCE}", timeout=30).content  # what is loaded once is loaded
            requests.get(f"{base}{SERIES}/metadata", timeout=60)
            before = peak()
            with requests.get(f"{base}/studies/{ROOT}.1", stream=True, timeout=60) as answer:
                total = sum(len(piece) for piece in answer.iter_content(1 << 16))
            assert total > 48 * size * size * 2 > 45 * len(received)
            assert peak() - before < 24
            with requests.get(f"{base}{SERIES}", stream=True, timeout=60) as answer:
                body = b"".join(answer.iter_content(1 << 20))
            kind = answer.headers["content-type"]
            before = peak()
            for url in (f"{base}/studies", f"{base}/studies/{ROOT}.1"):
                pieces = (body[at : at + (1 << 16)] for at in range(0, len(body), 1 << 16))
                stored = requests.post(url, data=pieces, headers={"Content-Type": kind}, timeout=120)
                assert stored.status_code == 200
                assert len(stored.json()["00081199"]["Value"]) == 48
            assert peak() - before < 48  # four instances at a time, in and out of the parser
        finally:
            server.terminate()
