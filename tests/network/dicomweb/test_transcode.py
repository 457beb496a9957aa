import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from firstread.archive import Part10
from firstread.network.dicomweb.addresses import stored
from firstread.network.dicomweb.opened import opened
from firstread.network.dicomweb.problems import Problem
from firstread.network.dicomweb.transcode import decoded, explicit, frame_type, pixels
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
    encode,
    stored_values,
)

COMPRESSED = (JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K, RLE)


@pytest.fixture
def stored_as(sqlite_archive):
    """A function that stores a slice and opens it."""

    def store(syntax, *, signed=False, change=None):
        (ds,) = ct_series(anatomy(1, 16), signed=signed)
        if change is not None:
            change(ds)
        sqlite_archive.receive(Part10.parse(encode(ds, syntax)))
        (each,) = stored(sqlite_archive, f"{ROOT}.1", within=None)
        return opened(sqlite_archive, each)

    return store


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, *COMPRESSED])
def test_every_lossless_syntax_gives_the_stored_values(stored_as, syntax, signed):
    (ds,) = ct_series(anatomy(1, 16), signed=signed)
    with stored_as(syntax, signed=signed) as read:
        assert np.array_equal(pixels(read, 1), stored_values(ds)[0])
        assert decoded(read, 1) == ds.PixelData


@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED, *COMPRESSED])
def test_a_whole_instance_becomes_explicit_little_endian_with_nothing_else_changed(stored_as, syntax):
    (ds,) = ct_series(anatomy(1, 16))
    with stored_as(syntax) as read:
        made = dcmread(DicomBytesIO(explicit(read)))
    assert made.file_meta.TransferSyntaxUID == EXPLICIT
    assert {element.tag: element.value for element in made} == {element.tag: element.value for element in ds}


def test_big_endian_is_not_written_anew(stored_as):
    with stored_as(BIG) as read, pytest.raises(Problem) as raised:
        explicit(read)
    assert raised.value.status == 406


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda ds: setattr(ds, "SamplesPerPixel", 3), 406),
        (lambda ds: setattr(ds, "BitsStored", 17), 406),
        (lambda ds: setattr(ds, "Rows", 20_000), 406),
    ],
)
def test_an_image_of_another_kind_is_refused(stored_as, change, status):
    with stored_as(EXPLICIT, change=change) as read, pytest.raises(Problem) as raised:
        pixels(read, 1)
    assert raised.value.status == status


def test_frames_have_the_media_type_of_their_syntax():
    told = [frame_type(syntax) for syntax in (EXPLICIT, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K, RLE, "1.2")]
    assert told == [
        "application/octet-stream",
        "image/jpeg",
        "image/jls",
        "image/jp2",
        "image/jphc",
        "image/dicom-rle",
        "application/octet-stream",
    ]
