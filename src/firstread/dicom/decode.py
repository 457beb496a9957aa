"""Encoded bytes of one image → stored values.

The decoders are imagecodecs': CharLS, libjpeg-turbo and OpenJPEG behind functions that let go of the
interpreter lock; those of pylibjpeg hold it, and gdcm showed no gain from a second thread. HTJ2K goes through
OpenJPEG as well: OpenJPH, faster, ends the process on some damaged streams.
"""

import struct

import imagecodecs
import numpy as np
import numpy.typing as npt

from firstread.dicom.codestream import BadCodestream, check, jpeg_2000, jpeg_family
from firstread.dicom.frames import Frame
from firstread.dicom.header import whole
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES

Stored = npt.NDArray[np.int32]

_PROCESSES = {"jpeg": {0xC0, 0xC1}, "jpeg-lossless": {0xC3}, "jpeg-ls": {0xF7}}
_END = b"\xff\xd9"


class Undecodable(ValueError):
    """The image is cut off or damaged."""


def stored_values(encoded: bytes, frame: Frame) -> Stored:
    """Decode one image to stored values (row, column), padding included, sign extended.

    Raises:
        Undecodable: the bytes are not the image that the header describes.
    """
    header = frame.instance.header
    syntax = TRANSFER_SYNTAXES[frame.instance.transfer_syntax_uid]
    allocated, stored = whole(header, "BitsAllocated") or 0, whole(header, "BitsStored") or 0
    high = whole(header, "HighBit")
    high = stored - 1 if high is None else high
    signed = whole(header, "PixelRepresentation") == 1
    if syntax.packing in ("native", "rle"):
        if syntax.packing == "native":
            values = np.frombuffer(encoded, np.dtype(f"{'>' if syntax.big_endian else '<'}u{allocated // 8}"))
        else:
            values = _run_lengths(encoded, frame.rows * frame.columns, allocated // 8)
        if values.size != frame.rows * frame.columns:
            raise Undecodable("pixels are missing")
        # Bits above the high bit may hold overlays of the last century (PS3.5 section 8.1.1).
        return _signed(values.reshape(frame.rows, frame.columns) >> (high - stored + 1), stored, signed)
    values, precision = _codestream(encoded, frame, syntax.packing, allocated)
    return _signed(values, min(precision, stored) if signed else precision, signed)


def _signed(values: npt.NDArray[np.generic], bits: int, signed: bool) -> Stored:
    if not signed and bits == values.dtype.itemsize * 8 and bits < 32:
        return values.astype(np.int32)
    # To the top of the word and back: the shift down copies the sign, or zeros.
    word = np.uint32(32 - bits)
    lifted = np.asarray(values).astype(np.uint32) << word
    if signed:
        return np.asarray(lifted.view(np.int32) >> np.int32(32 - bits), np.int32)
    return np.asarray(np.minimum(lifted >> word, np.uint32(0x7FFFFFFF)), np.int32)


def _codestream(
    encoded: bytes, frame: Frame, packing: str, allocated: int
) -> tuple[npt.NDArray[np.generic], int]:
    """Decode a JPEG-like codestream; return the values and their number of bits."""
    # Pixel Data is padded to an even length. Without its end marker a stream was cut off: decoders would
    # make up the rest, and CharLS 2.4 searches for an end for minutes.
    stream = encoded.rstrip(b"\x00")
    if not stream.endswith(_END):
        raise Undecodable("the codestream is cut off")
    try:
        wavelets = packing in ("jpeg-2000", "htj2k")
        found = jpeg_2000(stream) if wavelets else jpeg_family(stream)
        check(found, rows=frame.rows, columns=frame.columns, bits_allocated=allocated)
        if not wavelets and found.process not in _PROCESSES[packing]:
            raise BadCodestream(f"JPEG process {found.process:#x} in transfer syntax for {packing}")
    except BadCodestream as error:
        raise Undecodable(str(error)) from error
    try:
        if wavelets:
            values = imagecodecs.jpeg2k_decode(stream, numthreads=1)
        elif packing == "jpeg-ls":
            values = _jpeg_ls(stream)
        else:
            values = imagecodecs.jpeg8_decode(stream)
    except Exception as error:
        raise Undecodable(f"{packing} decoder: {type(error).__name__}") from error
    if values.shape != (frame.rows, frame.columns) or values.dtype.kind not in "iu":
        raise Undecodable("the decoder returned another image")
    return values, found.precision


def _jpeg_ls(stream: bytes) -> npt.NDArray[np.generic]:
    try:
        return np.asarray(imagecodecs.jpegls_decode(stream))
    except Exception:
        # Some encoders leave a zero byte before the end marker, which CharLS from 2.3 on does not pass over
        # (github.com/team-charls/charls/issues/365).
        if stream[-3:-2] != b"\x00":
            raise
        return np.asarray(imagecodecs.jpegls_decode(stream[:-2].rstrip(b"\x00") + _END))


def _run_lengths(encoded: bytes, pixels: int, width: int) -> npt.NDArray[np.generic]:
    """Decode DICOM RLE: a segment a byte plane, the most significant first, each PackBits (PS3.5 annex G)."""
    if len(encoded) < 64:
        raise Undecodable("the RLE header is cut off")
    count, *starts = struct.unpack("<16I", encoded[:64])
    if count != width:
        raise Undecodable(f"{count} RLE segments for {width} bytes a pixel")
    planes = np.zeros((pixels, width), np.uint8)
    ends = [*starts[1:count], len(encoded)]
    for n, (start, end) in enumerate(zip(starts, ends, strict=False)):
        if not 64 <= start < end <= len(encoded):
            raise Undecodable("an RLE segment lies outside the image")
        try:
            plane = imagecodecs.packbits_decode(encoded[start:end], out=pixels + 1024)
        except Exception as error:
            raise Undecodable("an RLE segment is damaged") from error
        if len(plane) < pixels:
            raise Undecodable("an RLE segment is cut off")
        planes[:, width - 1 - n] = np.frombuffer(plane, np.uint8, count=pixels)
    return planes.view(f"<u{width}").ravel()
