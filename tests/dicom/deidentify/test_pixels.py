from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from firstread.dicom.deidentify.codestreams import without_comments
from firstread.dicom.deidentify.deidentify import Deidentifier
from firstread.dicom.deidentify.instance_file import opened, written
from firstread.dicom.deidentify.options import Option
from firstread.dicom.deidentify.pixels import Rectangle
from firstread.dicom.deidentify.pseudonyms import Pseudonyms
from firstread.dicom.quiet import quiet
from firstread.errors import RefusedInput
from tests.dicom.ct_series import (
    BIG,
    EXPLICIT,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    RLE,
    anatomy,
    ct_series,
    encode,
)
from tests.dicom.deidentify.planted import source_of

US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"
US_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.3.1"
TOP = Rectangle(0, 0, 32, 6)


def blanked(content, rectangles=(TOP,)):
    with quiet():
        original, syntax = opened(source_of(content))
        worker = Deidentifier(Pseudonyms(b"k" * 32), frozenset({Option.CLEAN_PIXEL_DATA}), rectangles)
        done = worker(original, syntax)
        return done, dcmread(BytesIO(written(done)))


def ultrasound():
    (dataset,) = ct_series(anatomy(1, 32))
    dataset.SOPClassUID, dataset.Modality = US_IMAGE, "US"
    return dataset


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG, JPEG_LS, JPEG_LOSSLESS_SV1, JPEG_2000, RLE])
def test_rectangles_are_black_and_all_else_is_what_it_was(syntax):
    dataset = ultrasound()
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(32, 32)
    done, read = blanked(encode(dataset, syntax))
    kind = ">u2" if syntax == BIG else "<u2"
    if syntax in (EXPLICIT, BIG):
        found = np.frombuffer(read.PixelData, kind).reshape(32, 32)
    else:
        assert read.file_meta.TransferSyntaxUID == RLE
        found = read.pixel_array
    expected = stored.copy()
    expected[:6] = 0
    assert np.array_equal(found, expected)
    assert read.BurnedInAnnotation == "NO"
    assert done.blanked == (TOP,)


def test_every_frame_is_blanked():
    dataset = ultrasound()
    dataset.SOPClassUID = US_MULTI_FRAME
    dataset.NumberOfFrames = 3
    dataset.PixelData = dataset.PixelData * 3
    frames = blanked(encode(dataset))[1].pixel_array
    assert frames.shape == (3, 32, 32)
    assert not frames[:, :6].any() and frames[:, 6:].all(axis=(1, 2)).shape == (3,)
    assert frames[:, 10:].any(axis=(1, 2)).all()


def colour(syntax):
    dataset = ultrasound()
    picture = np.random.default_rng(1).integers(60, 200, (4, 4, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PhotometricInterpretation = "RGB" if syntax != JPEG_BASELINE else "YBR_FULL_422"
    dataset.PixelData = picture.tobytes()
    dataset["PixelData"].VR = "OB"
    content = encode(dataset)
    if syntax == EXPLICIT:
        return picture, content
    with quiet():
        made = dcmread(BytesIO(content))
        stream = imagecodecs.jpeg8_encode(picture, level=98)
        picture = imagecodecs.jpeg8_decode(stream)
        made.PixelData = encapsulate([stream])
        made["PixelData"].is_undefined_length = True
        made.file_meta.TransferSyntaxUID = syntax
        stream = BytesIO()
        made.save_as(stream)
    return picture, stream.getvalue()


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG_BASELINE])
def test_colour_stays_colour(syntax):
    picture, content = colour(syntax)
    _, read = blanked(content)
    assert read.PhotometricInterpretation == "RGB"
    assert not read.pixel_array[:6].any()
    assert np.array_equal(read.pixel_array[6:], picture[6:])


def test_black_is_white_where_the_image_is_inverted():
    dataset = ultrasound()
    dataset.PhotometricInterpretation = "MONOCHROME1"
    assert (blanked(encode(dataset))[1].pixel_array[:6] == 0xFFFF).all()


def test_a_rectangle_over_the_edge_is_refused_and_so_is_an_image_without_any():
    with pytest.raises(RefusedInput, match="edge"):
        blanked(encode(ultrasound()), (Rectangle(20, 0, 32, 6),))
    with pytest.raises(RefusedInput, match="ultrasound"):
        blanked(encode(ultrasound()), ())


def with_segment(stream, marker, text):
    return stream[:2] + bytes([0xFF, marker]) + (len(text) + 2).to_bytes(2, "big") + text + stream[2:]


@pytest.mark.parametrize("marker", [0xFE, 0xE1, 0xED, 0xE0])
@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_LOSSLESS_SV1])
def test_comments_and_exif_in_compressed_images_are_left_out(syntax, marker):
    (dataset,) = ct_series(anatomy(1, 32))
    content = encode(dataset, syntax)
    with quiet():
        made = dcmread(BytesIO(content))
        frame = next(generate_frames(made.PixelData, number_of_frames=1))
        spoilt = with_segment(frame, marker, b"Patient: Mueller, Annegret, 24.12.1929")
        made.PixelData = encapsulate([spoilt.rstrip(b"\0") + b"Mueller after the end"])
        made["PixelData"].is_undefined_length = True
        stream = BytesIO()
        made.save_as(stream)
        original, found = opened(source_of(stream.getvalue()))
        out = written(Deidentifier(Pseudonyms(b"k" * 32))(original, found))
    assert b"Mueller" not in out
    again = next(generate_frames(dcmread(BytesIO(out)).PixelData, number_of_frames=1))
    assert again.rstrip(b"\0") == frame.rstrip(b"\0")


def test_a_comment_in_jpeg_2000_is_left_out():
    (dataset,) = ct_series(anatomy(1, 32))
    frame = next(generate_frames(dcmread(BytesIO(encode(dataset, JPEG_2000))).PixelData, number_of_frames=1))
    size = int.from_bytes(frame[4:6], "big")
    comment = b"\xff\x64" + (4 + 7).to_bytes(2, "big") + b"\0\1Mueller"
    spoilt = frame[: 4 + size] + comment + frame[4 + size :]
    cleaned = without_comments(spoilt)
    assert b"Mueller" not in cleaned
    assert np.array_equal(imagecodecs.jpeg2k_decode(cleaned), imagecodecs.jpeg2k_decode(frame))
