from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from firstread.archive import Part10
from firstread.network.dicomweb.addresses import stored
from firstread.network.dicomweb.opened import opened
from firstread.network.dicomweb.problems import Problem
from firstread.network.dicomweb.rendering import Look, picture
from tests.dicom.ct_series import JPEG_LS, ROOT, anatomy, ct_series, encode

PNG, JPEG = "image/png", "image/jpeg"
HU = anatomy(1, 24)[0].astype(float)


@pytest.fixture
def shown(sqlite_archive):
    """A function that stores a changed slice and returns how it is shown (row, column)."""

    def show(change=None, *, look=Look(), media=PNG, n=1, syntax="1.2.840.10008.1.2.1"):  # noqa: B008
        (ds,) = ct_series(anatomy(1, 24))
        if change is not None:
            change(ds)
        sqlite_archive.receive(Part10.parse(encode(ds, syntax)))
        (each,) = stored(sqlite_archive, f"{ROOT}.1", within=None)
        with opened(sqlite_archive, each) as read:
            return Image.open(BytesIO(picture(read, n, look, media)))

    return show


def windowed(centre, width):
    return np.clip(((HU - (centre - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)


def test_the_window_of_the_header_is_shown_and_that_of_the_request_before_it(shown):
    def change(ds):
        ds.WindowCenter, ds.WindowWidth = [-600, 40], [1500, 400]

    assert np.abs(np.asarray(shown(change)) - windowed(-600, 1500)).max() <= 1
    assert np.abs(np.asarray(shown(look=Look(window=(40, 400)))) - windowed(40, 400)).max() <= 1


def test_a_jpeg_ls_slice_is_shown_as_a_jpeg_that_is_near(shown):
    image = shown(look=Look(window=(-600, 1500), quality=95), media=JPEG, syntax=JPEG_LS)
    assert image.format == "JPEG"
    assert np.abs(np.asarray(image) - windowed(-600, 1500)).mean() < 4


def test_without_a_window_the_darkest_and_the_brightest_are_told_apart(shown):
    image = np.asarray(shown())
    assert (image.min(), image.max()) == (0, 255)


@pytest.mark.parametrize(("meaning", "bright"), [("MONOCHROME2", 255), ("MONOCHROME1", 0)])
def test_a_width_of_one_is_a_threshold_and_monochrome1_is_inverted(shown, meaning, bright):
    image = shown(lambda ds: setattr(ds, "PhotometricInterpretation", meaning), look=Look(window=(-500, 1)))
    assert np.array_equal(np.asarray(image), np.where(HU > -500.5, bright, 255 - bright))


@pytest.mark.parametrize(
    ("viewport", "size"), [((12, 100), (12, 12)), ((48, 48), (48, 48)), ((1, 1), (1, 1))]
)
def test_a_picture_fits_its_viewport_and_keeps_its_shape(shown, viewport, size):
    assert shown(look=Look(viewport=viewport)).size == size


@pytest.mark.parametrize("planar", [0, 1])
def test_a_colour_slice_is_shown_in_its_colours(shown, planar):
    rgb = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)

    def change(ds):
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", planar
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        ds.PixelData = (rgb.transpose(2, 0, 1) if planar else rgb).tobytes()

    assert np.array_equal(np.asarray(shown(change)), rgb)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda ds: setattr(ds, "BitsAllocated", 1), 406),
        (lambda ds: setattr(ds, "Rows", 0), 406),
        (lambda ds: (setattr(ds, "Rows", 60_000), setattr(ds, "Columns", 60_000)), 406),
        (lambda ds: setattr(ds, "Rows", 4000), 409),
        (lambda ds: (setattr(ds, "SamplesPerPixel", 3), setattr(ds, "PhotometricInterpretation", "YBR_FULL")), 406),
        (lambda ds: delattr(ds, "PixelData"), 404),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_said(shown, change, status):
    with pytest.raises(Problem) as raised:
        shown(change)
    assert raised.value.status == status


def test_a_look_is_read_from_its_parameters():
    assert Look.of("40,400", "128,64", 80) == Look((40.0, 400.0), (128, 64), 80)
    assert Look.of("40,400,linear-exact", "", 90) == Look((40.0, 400.0), None, 90)
    assert Look.of("", "", 90) == Look()


@pytest.mark.parametrize(
    ("window", "viewport"),
    [("40", ""), ("a,b", ""), ("40,0", ""), ("nan,400", ""), ("40,400,sigmoid", ""), ("1e300,400", ""),
     ("", "128"), ("", "0,5"), ("", "5000,1"), ("", "1,2,3"), ("", "-1,4")],
)  # fmt: skip
def test_a_look_that_is_none_is_400(window, viewport):
    with pytest.raises(Problem) as raised:
        Look.of(window, viewport, 90)
    assert raised.value.status == 400
