"""What a codestream says of itself is read, or the codestream is refused."""

import imagecodecs
import numpy as np
import pytest

from firstread.dicom.codestream import BadCodestream, Codestream, check, jpeg_2000, jpeg_family

IMAGE = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20)


def test_jpeg_family_sizes() -> None:
    assert jpeg_family(imagecodecs.jpegls_encode(IMAGE)) == Codestream(30, 20, 16, 1, process=0xF7)
    lossless = imagecodecs.jpeg8_encode(IMAGE, lossless=True, bitspersample=16)
    assert jpeg_family(lossless) == Codestream(30, 20, 16, 1, process=0xC3)


def test_jpeg_2000_sizes() -> None:
    plain = imagecodecs.jpeg2k_encode(IMAGE, codecformat="j2k")
    boxed = imagecodecs.jpeg2k_encode(IMAGE.astype(np.int16), codecformat="jp2")
    assert jpeg_2000(plain) == Codestream(30, 20, 16, 1)
    assert jpeg_2000(boxed) == Codestream(30, 20, 16, 1, signed=True)
    assert jpeg_2000(imagecodecs.htj2k_encode(IMAGE)) == Codestream(30, 20, 16, 1)


@pytest.mark.parametrize("kind", ["jpegls", "jpeg2k"])
def test_every_cut_of_the_header_is_refused(kind: str) -> None:
    stream = (
        imagecodecs.jpegls_encode(IMAGE)
        if kind == "jpegls"
        else imagecodecs.jpeg2k_encode(IMAGE, codecformat="j2k")
    )
    describe = jpeg_family if kind == "jpegls" else jpeg_2000
    for end in range(25 if kind == "jpegls" else 45):
        with pytest.raises(BadCodestream):
            describe(stream[:end])


def test_millions_of_tiles_are_refused() -> None:
    stream = bytearray(imagecodecs.jpeg2k_encode(IMAGE, codecformat="j2k"))
    stream[24:32] = b"\x00\x00\x00\x01\x00\x00\x00\x01"
    stream[8:16] = b"\x00\x00\x10\x00\x00\x00\x10\x00"
    with pytest.raises(BadCodestream, match="too many tiles"):
        jpeg_2000(bytes(stream))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Codestream(30, 21, 16, 1), "is 30×21"),
        (Codestream(30, 20, 16, 3), "3 components"),
        (Codestream(30, 20, 24, 1), "24 bits"),
    ],
)
def test_disagreement_with_the_header_is_refused(found: Codestream, words: str) -> None:
    with pytest.raises(BadCodestream, match=words):
        check(found, rows=30, columns=20, bits_allocated=16)
