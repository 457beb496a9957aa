import struct

import pytest

from firstread.archive import Part10
from firstread.network.dicomweb.addresses import stored
from firstread.network.dicomweb.opened import mapped, opened
from firstread.network.dicomweb.problems import Problem
from tests.archive.samples import instances
from tests.dicom.ct_series import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG_LS,
    RLE,
    ROOT,
    anatomy,
    ct_series,
    encode,
    enhanced,
)

STUDY = f"{ROOT}.1"


@pytest.fixture
def keep(sqlite_archive):
    """A function that stores a file and returns where it is."""

    def store(content):
        sqlite_archive.receive(Part10.parse(content))
        (each,) = stored(sqlite_archive, STUDY, within=None)
        return each

    return store


def content_of(syntax, frames=3, change=None):
    ds = enhanced(ct_series(anatomy(frames, 16)))
    if change is not None:
        change(ds)
    return encode(ds, syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_native_frames_are_the_pixels_little_endian(sqlite_archive, keep, syntax):
    with opened(sqlite_archive, keep(content_of(syntax))) as read:
        assert read.number_of_frames == 3
        assert read.header.Rows == 16
        assert "PixelData" not in read.header
        expected = [ds.PixelData for ds in ct_series(anatomy(3, 16))]
        assert list(read.frames([3, 1, 3])) == [expected[2], expected[0], expected[2]]
        start, length = read.pixel_value()
        assert (length, len(read.content) >= start + length) == (3 * 512, True)


@pytest.mark.parametrize("syntax", [JPEG_LS, RLE])
def test_encapsulated_frames_are_found_in_any_order(sqlite_archive, keep, syntax):
    with opened(sqlite_archive, keep(content_of(syntax))) as read:
        assert read.pixel_value()[1] is None
        one, two, three = (next(read.frames([n])) for n in (1, 2, 3))
        assert len({one, two, three}) == 3
        assert list(read.frames([2, 1, 3, 3])) == [two, one, three, three]


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG_LS])
@pytest.mark.parametrize("wanted", [[0], [4], [1, 9]])
def test_a_frame_that_is_not_there_is_404(sqlite_archive, keep, syntax, wanted):
    with opened(sqlite_archive, keep(content_of(syntax))) as read, pytest.raises(Problem) as raised:
        list(read.frames(wanted))
    assert raised.value.status == 404


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, JPEG_LS])
def test_pixels_that_are_cut_off_are_409(sqlite_archive, keep, syntax):
    content = content_of(syntax)
    with (
        opened(sqlite_archive, keep(content[: len(content) - 600])) as read,
        pytest.raises(Problem) as raised,
    ):
        list(read.frames([1, 2, 3]))
    assert raised.value.status == 409


def test_a_count_of_frames_that_lies_is_bounded_by_the_bytes(sqlite_archive, keep):
    content = content_of(EXPLICIT, change=lambda ds: setattr(ds, "NumberOfFrames", 2_000_000_000))
    with opened(sqlite_archive, keep(content)) as read:
        assert read.number_of_frames <= len(content) // 8


def test_an_instance_without_pixels_has_no_frame(sqlite_archive, keep):
    (ds,) = ct_series(anatomy(1, 16))
    del ds.PixelData
    with opened(sqlite_archive, keep(encode(ds))) as read:
        assert (read.number_of_frames, read.pixels_at) == (0, None)
        with pytest.raises(Problem) as raised:
            read.pixel_value()
    assert raised.value.status == 404


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF) * 2000,  # nested without end
        struct.pack("<HH2sHI", 0x0042, 0x0011, b"OB", 0, 0x7FFFFFFF) + bytes(16),
        struct.pack("<HH2sH", 0x0050, 0x0010, b"LO", 0) * 400_000,
    ],
)
def test_a_header_that_cannot_be_parsed_is_409(sqlite_archive, keep, tail):
    (ds,) = ct_series(anatomy(1, 16))
    whole = encode(ds)
    with pytest.raises(Problem) as raised, opened(sqlite_archive, keep(whole[: -512 - 12] + tail)):
        pass
    assert raised.value.status == 409


def test_a_file_that_was_removed_meanwhile_is_404(sqlite_archive, tmp_path):
    receipt = sqlite_archive.receive(instances(1)[0])
    (each,) = stored(sqlite_archive, STUDY, within=None)
    sqlite_archive.files.path(receipt.file).unlink()
    with pytest.raises(Problem) as raised, opened(sqlite_archive, each):
        pass
    assert raised.value.status == 404
    with pytest.raises(Problem), mapped(tmp_path / "none"):
        pass
