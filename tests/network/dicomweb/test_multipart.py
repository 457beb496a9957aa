from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstread.network.dicomweb.multipart import Part, Reader, new_boundary, parameters, written
from firstread.network.dicomweb.problems import Problem
from tests.network.dicomweb.conftest import multipart


class Taken:
    """What a reader hands on: a media type and the bytes of each part that is complete."""

    def __init__(self, boundary="B"):
        self.parts, self._type, self._bytes = [], "", b""
        self.reader = Reader(boundary, self._begin, self._data, self._end)

    def _begin(self, media_type):
        self._type, self._bytes = media_type, b""

    def _data(self, data):
        self._bytes += data

    def _end(self):
        self.parts.append((self._type, self._bytes))


def test_what_is_written_is_what_others_read():
    parts = [Part("a/b", [b"one", b"\r\n--two"], "http://here/1"), Part("c/d", [])]
    boundary = new_boundary()
    body = b"".join(written(parts, boundary))
    head = f"Content-Type: multipart/related; boundary={boundary}\r\n\r\n".encode()
    first, second = BytesParser().parsebytes(head + body).get_payload()
    assert (first["Content-Type"], first["Content-Location"]) == ("a/b", "http://here/1")
    assert first.get_payload(decode=True) == b"one\r\n--two"
    assert (second["Content-Location"], second.get_payload(decode=True)) == (None, b"")


def test_no_boundary_is_used_twice():
    assert len({new_boundary() for _ in range(100)}) == 100


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.integers(1, 17))
def test_a_body_is_read_however_it_is_cut(contents, size):
    contents = [content.replace(b"--B", b"") for content in contents]
    body, taken = multipart(*contents), Taken()
    for at in range(0, len(body), size):
        taken.reader.feed(body[at : at + size])
    assert taken.parts == [("application/dicom", content) for content in contents]
    assert taken.reader.complete


def test_what_follows_the_end_means_nothing():
    taken = Taken()
    taken.reader.feed(multipart(b"one") + b"and an epilogue")
    taken.reader.feed(b"--B\r\n")
    assert len(taken.parts) == 1


@pytest.mark.parametrize("boundary", ["", "B" * 71, "bündel"])
def test_a_boundary_that_is_none_is_400(boundary):
    with pytest.raises(Problem) as raised:
        Taken(boundary)
    assert raised.value.status == 400


def test_a_body_that_is_none_is_400_and_not_repeated():
    with pytest.raises(Problem) as raised:
        Taken().reader.feed(b"Doe^Jane")
    assert raised.value.status == 400
    assert "Doe" not in str(raised.value)


def test_a_media_type_is_taken_apart():
    said = 'Multipart/Related; Type="application/dicom"; boundary="a b"'
    assert parameters(said) == ("multipart/related", {"type": "application/dicom", "boundary": "a b"})
    assert parameters("")[0] == "text/plain"
