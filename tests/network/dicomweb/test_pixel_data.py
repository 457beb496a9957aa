from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from firstread.archive import Part10
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
    encode,
    enhanced,
)
from tests.network.dicomweb.test_retrieve import INSTANCE, SERIES, parts

ENHANCED = f"{SERIES}/instances/{ROOT}.1.1.9999"
ALL = (IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, HTJ2K, RLE)


@pytest.fixture
def multi_frame(sqlite_archive):
    """A function that stores a multi-frame CT and returns its frames as pixels."""

    def store(syntax, frames=5):
        series = ct_series(anatomy(frames, 16))
        pixels = [ds.PixelData for ds in series]
        sqlite_archive.receive(Part10.parse(encode(enhanced(series), syntax)))
        return pixels

    return store


@pytest.mark.parametrize("syntax", ALL)
def test_frames_come_as_pixels_in_the_order_that_is_asked_for(web, multi_frame, syntax):
    pixels = multi_frame(syntax)
    got = parts(web.get(f"{ENHANCED}/frames/4,2,5"))
    assert [body for _, body in got] == [pixels[3], pixels[1], pixels[4]]
    assert got[0][0] == f"application/octet-stream; transfer-syntax={EXPLICIT}"


def test_frames_that_are_all_asked_for_at_once_all_come_whole(web, multi_frame):
    pixels = multi_frame(JPEG_LS, frames=50)
    asked = [n % 50 + 1 for n in range(200)]

    def get(n):
        answer = web.get(f"{ENHANCED}/frames/{n}", Accept="application/octet-stream")
        return answer.status_code, answer.content

    with ThreadPoolExecutor(len(asked)) as pool:
        assert list(pool.map(get, asked)) == [(200, pixels[n - 1]) for n in asked]


@pytest.mark.parametrize(
    ("syntax", "media"),
    [(JPEG_LS, "image/jls"), (JPEG_2000, "image/jp2"), (HTJ2K, "image/jphc"), (RLE, "image/dicom-rle")],
)
@pytest.mark.parametrize("ask", ["own", "octets"])
def test_compressed_frames_are_given_as_they_are_stored_when_asked_for(web, multi_frame, syntax, media, ask):
    pixels = multi_frame(syntax)
    kind = media if ask == "own" else "application/octet-stream"
    answer = web.get(f"{ENHANCED}/frames/2", Accept=f'multipart/related; type="{kind}"; transfer-syntax=*')
    ((got, body),) = parts(answer)
    assert got == f"{media}; transfer-syntax={syntax}"
    assert body != pixels[1]


def test_one_frame_comes_without_an_envelope_when_asked_for(web, multi_frame):
    pixels = multi_frame(EXPLICIT)
    answer = web.get(f"{ENHANCED}/frames/3", Accept="application/octet-stream")
    assert answer.content == pixels[2]
    assert web.get(f"{ENHANCED}/frames/3,4", Accept="application/octet-stream").status_code == 406


@pytest.mark.parametrize("frames", ["0", "-1", "a", "1,,2", "1,", "9" * 12, "1" + ",1" * 6000])
def test_what_is_no_list_of_frames_is_400(web, multi_frame, frames):
    multi_frame(EXPLICIT)
    assert web.get(f"{ENHANCED}/frames/{frames}").status_code == 400


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG_LS])
def test_a_frame_beyond_the_last_is_404(web, multi_frame, syntax):
    multi_frame(syntax)
    assert web.get(f"{ENHANCED}/frames/1,6").status_code == 404


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_bulk_data_of_native_pixels_is_their_value(web, multi_frame, syntax):
    pixels = multi_frame(syntax)
    answer = web.get(f"{ENHANCED}/bulkdata/7FE00010")
    value = b"".join(pixels)
    if syntax == BIG:
        value = np.frombuffer(value, "<u2").astype(">u2").tobytes()
    assert answer.content == value


def test_bulk_data_of_compressed_pixels_is_a_part_a_frame(web, multi_frame):
    multi_frame(JPEG_LS)
    assert len(parts(web.get(f"{ENHANCED}/bulkdata/7FE00010"))) == 5


def test_long_values_are_bulk_data_wherever_they_are(web, sqlite_archive):
    long = bytes(range(256)) * 8

    def change(ds):
        from pydicom.dataset import Dataset

        item = Dataset()
        item.add_new(0x00420011, "OB", long)
        ds.ReferencedImageSequence = [Dataset(), item]
        ds.add_new(0x00091010, "OB", b"short!")

    sqlite_archive.receive(instances(1, change=change)[0])
    (metadata,) = web.get(f"{INSTANCE}/metadata").json()
    assert metadata["00091010"] == {"vr": "OB", "InlineBinary": "c2hvcnQh"}
    uri = metadata["00081140"]["Value"][1]["00420011"]["BulkDataURI"]
    assert uri == f"{web.url}{INSTANCE}/bulkdata/00081140/2/00420011"
    assert web.get(uri.removeprefix(web.url)).content == long


@pytest.mark.parametrize("path", ["00100010", "00081140/1/00420011", "00081140", "00420011"])
def test_an_element_that_is_no_bulk_data_is_404(web, sqlite_archive, path):
    sqlite_archive.receive(instances(1)[0])
    assert web.get(f"{INSTANCE}/bulkdata/{path}").status_code == 404


@pytest.mark.parametrize("path", ["7fe0001", "00081140/0/00420011", "x" * 400])
def test_what_is_no_path_of_an_element_is_refused(web, sqlite_archive, path):
    sqlite_archive.receive(instances(1)[0])
    assert web.get(f"{INSTANCE}/bulkdata/{path}").status_code in (400, 404, 406)


@pytest.mark.parametrize("syntax", ALL)
def test_every_encoding_is_rendered(web, multi_frame, syntax):
    multi_frame(syntax)
    answer = web.get(f"{ENHANCED}/frames/2/rendered", Accept="image/png")
    reference = np.asarray(Image.open(BytesIO(answer.content)))
    assert reference.shape == (16, 16)
    assert reference.min() < 20
    assert reference.max() > 235


def test_the_viewport_and_the_media_type_are_kept_to(web, sqlite_archive):
    sqlite_archive.receive(instances(1, size=32)[0])
    answer = web.get(f"{INSTANCE}/rendered?viewport=64,40&quality=80&window=40,400")
    picture = Image.open(BytesIO(answer.content))
    assert (answer.headers["content-type"], picture.format, picture.size) == ("image/jpeg", "JPEG", (40, 40))


def test_white_is_low_where_the_image_says_so(web, sqlite_archive):
    def change(ds):
        ds.PhotometricInterpretation = "MONOCHROME1"

    sqlite_archive.receive(instances(1)[0])
    sqlite_archive.receive(instances(1, series=2, change=change)[0])

    def shown(series):
        path = f"/studies/{ROOT}.1/series/{ROOT}.1.{series}/instances/{ROOT}.1.{series}.1/rendered"
        return np.asarray(Image.open(BytesIO(web.get(path, Accept="image/png").content))).astype(int)

    assert (shown(1) + shown(2) == 255).all()


def test_colour_is_rendered(web, sqlite_archive):
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)

    def change(ds):
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        ds.PixelData = colours.tobytes()

    sqlite_archive.receive(instances(1, change=change)[0])
    answer = web.get(f"{INSTANCE}/rendered", Accept="image/png")
    assert (np.asarray(Image.open(BytesIO(answer.content))) == colours).all()


@pytest.mark.parametrize(
    "query", ["window=a,b", "window=1", "window=1,0", "window=nan,1", "viewport=0,1", "viewport=99999,1",
              "viewport=1", "quality=0", "quality=101", "window=1,2,cubic"],
)  # fmt: skip
def test_a_look_that_cannot_be_is_400(web, sqlite_archive, query):
    sqlite_archive.receive(instances(1)[0])
    assert web.get(f"{INSTANCE}/rendered?{query}").status_code == 400


def test_thumbnails_are_small(web, sqlite_archive):
    for instance in instances(3, size=256):
        sqlite_archive.receive(instance)
    for path in (f"/studies/{ROOT}.1", SERIES, INSTANCE, f"{INSTANCE}/frames/1"):
        picture = Image.open(BytesIO(web.get(f"{path}/thumbnail").content))
        assert max(picture.size) == 128


def test_pictures_of_a_series_are_parts(web, sqlite_archive):
    for instance in instances(3):
        sqlite_archive.receive(instance)
    got = parts(web.get(f"{SERIES}/rendered", Accept="*/*"))
    assert [kind for kind, _ in got] == ["image/jpeg"] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"Rows": 60000, "Columns": 60000},
        {"Rows": 0},
        {"BitsAllocated": 12},
        {"BitsStored": 0},
        {"NumberOfFrames": 2**31 - 1},
        {"SamplesPerPixel": 3},
        {"PixelData": b"\0\0"},
    ],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG_LS])
def test_pixels_that_are_not_what_the_header_says_are_an_error_and_not_a_crash(
    web, sqlite_archive, change, syntax
):
    (ds,) = ct_series(anatomy(1, 16))
    whole = encode(ds, syntax)
    from pydicom import dcmread

    broken = dcmread(BytesIO(whole))
    for keyword, value in change.items():
        if keyword == "PixelData" and syntax == JPEG_LS:
            value = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\xff\xff\xff\x7f\0\0"
        setattr(broken, keyword, value)
    stream = BytesIO()
    broken.save_as(stream)
    sqlite_archive.receive(Part10.parse(stream.getvalue()))
    for path in ("frames/1", "rendered", "thumbnail", "frames/2147483646", "bulkdata/7FE00010", ""):
        if path == "bulkdata/7FE00010" and syntax == JPEG_LS:
            continue  # frames that are not there cut the answer off
        status = web.get(f"{INSTANCE}/{path}".rstrip("/")).status_code
        assert status < 500, path
        if path == "rendered" and "NumberOfFrames" not in change:
            assert status in (404, 406, 409)
    assert web.get(f"{INSTANCE}/metadata").status_code == 200
