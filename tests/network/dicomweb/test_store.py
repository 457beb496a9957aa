import struct
import zlib

import pytest

from firstread.network.dicomweb.store import ANOTHER_STUDY
from tests.archive.samples import file_names
from tests.dicom.ct_series import DEFLATED, EXPLICIT, ROOT, anatomy, ct_series, encode
from tests.network.dicomweb.conftest import multipart

TYPE = 'multipart/related; type="application/dicom"; boundary=B'


def files(count=3, **options):
    return [encode(ds) for ds in ct_series(anatomy(count, 16), **options)]


def failures(answer):
    return [item["00081197"]["Value"][0] for item in answer.json()["00081198"]["Value"]]


def test_each_instance_is_told_as_stored_or_as_failed(web, sqlite_archive):
    good, other = files(2)
    answer = web.post("/studies", multipart(good, b"no DICOM", other))
    assert answer.status_code == 202
    assert failures(answer) == [0xC000]
    stored = answer.json()["00081199"]["Value"]
    assert [item["00081155"]["Value"][0] for item in stored] == [f"{ROOT}.1.1.1", f"{ROOT}.1.1.2"]
    assert web.get(stored[0]["00081190"]["Value"][0].removeprefix(web.url)).status_code == 200
    assert len(file_names(sqlite_archive)) == 2


def test_instances_of_another_study_than_the_path_names_fail(web, sqlite_archive):
    answer = web.post("/studies/1.2.3", multipart(*files(1)))
    assert (answer.status_code, failures(answer)) == (409, [ANOTHER_STUDY])
    assert file_names(sqlite_archive) == set()


def test_what_is_sent_again_is_stored_once(web, sqlite_archive):
    body = multipart(*files(2))
    assert [web.post("/studies", body).status_code for _ in range(2)] == [200, 200]
    assert len(file_names(sqlite_archive)) == 2


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", TYPE, 400),
        (b"no boundary at all", TYPE, 400),
        (b"--B\r\nContent-Type: application/dicom\r\n\r\ncut off", TYPE, 400),
        (multipart(), TYPE, 400),
        (multipart(b"x"), "multipart/related", 400),
        (multipart(b"x"), f"multipart/related; boundary={'B' * 71}", 400),
        (multipart(b"x"), "multipart/form-data; boundary=B", 415),
        (multipart(b"x"), 'multipart/related; type="application/dicom+json"; boundary=B', 415),
        (b"{}", "application/json", 415),
        (multipart(b"x", media="image/png"), TYPE, 409),
    ],
)
def test_a_body_that_is_none_is_refused(web, sqlite_archive, body, kind, status):
    answer = web.post("/studies", body, content_type=kind)
    assert answer.status_code == status
    assert file_names(sqlite_archive) == set()


def test_a_compressed_body_is_refused_unopened(web):
    answer = web.post("/studies", zlib.compress(bytes(1 << 20)), Content_Encoding="gzip")
    assert answer.status_code == 415


def with_dataset(dataset, syntax=EXPLICIT):
    """A file with the meta information of a good one, and this data set."""
    from firstread.archive import Part10

    (ds,) = ct_series(anatomy(1, 16))
    part = Part10.parse(encode(ds, syntax))
    return part.header + dataset


def test_hostile_data_sets_fail_one_by_one_and_the_rest_is_stored(web, sqlite_archive):
    (good,) = files(1)
    raw = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zip_bomb = raw.compress(bytes(64 << 20)) + raw.flush()
    hostile = [
        with_dataset(struct.pack("<HH2sHI", 0x0008, 0x0005, b"OB", 0, 0x7FFFFFFF)),  # 2 GB declared
        with_dataset(struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) * 10_000),
        with_dataset(zip_bomb, DEFLATED),
        good.replace(f"{ROOT}.1.1.1".encode(), b"../" * 10 + b"/etc12345"[: len(f"{ROOT}.1.1.1") - 30]),
        good[:200],
        b"",
    ]
    answer = web.post("/studies", multipart(*hostile, good))
    assert answer.status_code == 202
    assert len(failures(answer)) == len(hostile)
    assert len(file_names(sqlite_archive)) == 1


def test_an_instance_with_values_of_impossible_length_is_kept_and_does_not_stop_the_metadata(
    web, sqlite_archive
):
    first, second = files(2)
    broken = first[:-528] + struct.pack("<HH2sHI", 0x0042, 0x0011, b"OB", 0, 0x7FFFFFFF) + bytes(16)
    assert web.post("/studies", multipart(broken, second)).status_code == 200
    answer = web.get(f"/studies/{ROOT}.1/metadata")
    assert [each["00080018"]["Value"][0] for each in answer.json()] == [f"{ROOT}.1.1.1", f"{ROOT}.1.1.2"]


def test_nothing_of_a_patient_is_logged(web, caplog):
    (good,) = files(1)
    web.post("/studies", multipart(good, good[:400], good.replace(b"SYN-1", b"SYN-2")))
    web.get("/studies?PatientName=Test^Synthetic&StudyDate=x")
    assert "Synthetic" not in caplog.text
    assert "SYN-" not in caplog.text
