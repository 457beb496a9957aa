"""Pixel data: rectangles made black, and nothing hidden beside the pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from firstread.dicom.deidentify.codestreams import without_comments
from firstread.dicom.header import text, whole
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES
from firstread.errors import RefusedInput

_MOST_PIXELS = 1 << 31


@dataclass(frozen=True)
class Rectangle:
    """A part of an image in pixels: the column and row of its upper left corner, its width and height."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def parse(cls, written: str) -> "Rectangle":
        """Return the rectangle that is written LEFT,TOP,WIDTH,HEIGHT.

        Raises:
            ValueError: it is none.
        """
        numbers = [int(part) for part in written.split(",")]
        if len(numbers) != 4 or min(numbers) < 0 or 0 in numbers[2:]:
            raise ValueError("a rectangle is LEFT,TOP,WIDTH,HEIGHT in pixels")
        return cls(*numbers)


def is_compressed(transfer_syntax_uid: str) -> bool:
    """Tell whether pixels are encapsulated in a transfer syntax that is read here.

    Raises:
        RefusedInput: the transfer syntax is not read here, as those of video.
    """
    syntax = TRANSFER_SYNTAXES.get(transfer_syntax_uid)
    if syntax is None:
        raise RefusedInput("Its transfer syntax has no decoder here, so its pixels cannot be looked at.")
    return syntax.packing != "native"


def tidy(dataset: Dataset, transfer_syntax_uid: str, *, overlaid: bool = False) -> None:
    """Leave nothing in Pixel Data but pixels: no bytes behind them, no comments, no overlay in their spare bits.

    Args:
        dataset: With native or encapsulated pixels, or none.
        transfer_syntax_uid: How they are encoded.
        overlaid: The header said that an overlay is in the spare bits. Otherwise they are left: some scanners write
            their padding value there.

    Raises:
        RefusedInput: the pixels are cut off, or of an encoding that is not read here.
    """
    if "PixelData" not in dataset:
        return
    element = dataset["PixelData"]
    if is_compressed(transfer_syntax_uid):
        frames = [without_comments(frame) for frame in _encapsulated(dataset)]
        element.value = encapsulate(frames)
        return
    length = _native_length(dataset)
    if len(element.value) < length:
        raise RefusedInput("Its pixel data is cut off.")
    native = element.value[:length]
    allocated, stored = whole(dataset, "BitsAllocated") or 0, whole(dataset, "BitsStored") or 0
    high = whole(dataset, "HighBit")
    high = stored - 1 if high is None else high
    if overlaid and allocated in (8, 16, 32) and 0 < stored < allocated:
        order = ">" if transfer_syntax_uid == ExplicitVRBigEndian else "<"
        native = _without_spare_bits(native, f"{order}u{allocated // 8}", stored, high)
    element.value = native + b"\0" * (len(native) % 2)


def blank(dataset: Dataset, transfer_syntax_uid: str, rectangles: Sequence[Rectangle]) -> str:
    """Make rectangles of every frame black, and return the transfer syntax that Pixel Data then has.

    Compressed pixels are decoded and encoded again without loss (RLE, PS3.5 annex G).

    Raises:
        RefusedInput: the pixels cannot be decoded, or a rectangle is not within the image.
    """
    rows, columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
    for each in rectangles:
        if each.left + each.width > columns or each.top + each.height > rows:
            raise RefusedInput("A rectangle to blank reaches over the edge of an image.")
    compressed = is_compressed(transfer_syntax_uid)
    frames = _decoded(dataset, transfer_syntax_uid) if compressed else _native(dataset, transfer_syntax_uid)
    black = _black(dataset)
    for each in rectangles:
        frames[:, each.top : each.top + each.height, each.left : each.left + each.width] = black
    if not compressed:
        dataset["PixelData"].value = _as_stored(dataset, frames).tobytes()
        tidy(dataset, transfer_syntax_uid)
        return transfer_syntax_uid
    if frames.shape[-1] > 1:
        dataset.PlanarConfiguration = 0
    dataset["PixelData"].value = encapsulate([_run_lengths(frame) for frame in frames])
    dataset["PixelData"].VR = "OB"
    return RLELossless


def _frame_count(dataset: Dataset) -> int:
    return max(whole(dataset, "NumberOfFrames") or 1, 1)


def _samples(dataset: Dataset) -> int:
    return whole(dataset, "SamplesPerPixel") or 1


def _native_length(dataset: Dataset) -> int:
    pixels = (whole(dataset, "Rows") or 0) * (whole(dataset, "Columns") or 0) * _frame_count(dataset)
    allocated = whole(dataset, "BitsAllocated") or 0
    if text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        return pixels * 2 * allocated // 8
    return -(-pixels * _samples(dataset) * allocated // 8)


def _without_spare_bits(native: bytes, kind: str, stored: int, high: int) -> bytes:
    """Clear what is outside the stored bits, where overlays were once kept (PS3.5 section 8.1.1)."""
    values = np.frombuffer(native, kind)
    used = ((1 << stored) - 1) << (high - stored + 1)
    return bytes((values & values.dtype.type(used)).astype(kind).tobytes())


def _encapsulated(dataset: Dataset) -> list[bytes]:
    try:
        return list(generate_frames(dataset.PixelData, number_of_frames=_frame_count(dataset)))
    except Exception as error:
        raise RefusedInput("Its compressed pixel data is damaged.") from error


def _native(dataset: Dataset, transfer_syntax_uid: str) -> npt.NDArray[Any]:
    """Return frames as (frame, row, column, sample), in the byte order of the file."""
    allocated = whole(dataset, "BitsAllocated") or 0
    if allocated not in (8, 16, 32) or text(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        raise RefusedInput("Its pixels cannot be blanked: they are packed in an unusual way.")
    length = _native_length(dataset)
    if len(dataset.PixelData) < length:
        raise RefusedInput("Its pixel data is cut off.")
    order = ">" if transfer_syntax_uid == ExplicitVRBigEndian else "<"
    values = np.frombuffer(dataset.PixelData[:length], f"{order}u{allocated // 8}").copy()
    return _in_order(values, dataset)


def _in_order(values: npt.NDArray[Any], dataset: Dataset) -> npt.NDArray[Any]:
    rows, columns, samples = dataset.Rows, dataset.Columns, _samples(dataset)
    if samples > 1 and whole(dataset, "PlanarConfiguration") == 1:
        return values.reshape(-1, samples, rows, columns).transpose(0, 2, 3, 1).copy()
    return values.reshape(-1, rows, columns, samples)


def _as_stored(dataset: Dataset, frames: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if _samples(dataset) > 1 and whole(dataset, "PlanarConfiguration") == 1:
        return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
    return frames


def _decoded(dataset: Dataset, transfer_syntax_uid: str) -> npt.NDArray[Any]:
    allocated, samples = whole(dataset, "BitsAllocated") or 0, _samples(dataset)
    if dataset.Rows * dataset.Columns * samples * _frame_count(dataset) > _MOST_PIXELS:
        raise RefusedInput("It is too large to be blanked.")
    packing = TRANSFER_SYNTAXES[transfer_syntax_uid].packing
    shape = (dataset.Rows, dataset.Columns, samples)
    frames = []
    try:
        for encoded in _encapsulated(dataset):
            frame = np.asarray(_decode(encoded, packing, shape, allocated)).reshape(shape)
            frames.append(frame.astype(f"<u{allocated // 8}", casting="unsafe"))
    except RefusedInput:
        raise
    except Exception as error:
        raise RefusedInput("Its compressed pixel data cannot be decoded.") from error
    found = np.stack(frames)
    photometric = text(dataset, "PhotometricInterpretation")
    if samples == 3 and packing in ("jpeg", "jpeg-2000", "htj2k"):
        dataset.PhotometricInterpretation = "RGB"  # these decoders give RGB
    elif samples == 3 and photometric.startswith("YBR_FULL"):
        found = np.asarray(convert_color_space(found, "YBR_FULL", "RGB", per_frame=True))
        dataset.PhotometricInterpretation = "RGB"
    return found


def _decode(encoded: bytes, packing: str, shape: tuple[int, int, int], allocated: int) -> npt.NDArray[Any]:
    if packing == "rle":
        return _from_run_lengths(encoded, shape, allocated // 8)
    if packing in ("jpeg-2000", "htj2k"):
        return np.asarray(imagecodecs.jpeg2k_decode(encoded))
    if packing == "jpeg-ls":
        return np.asarray(imagecodecs.jpegls_decode(encoded))
    return np.asarray(imagecodecs.jpeg8_decode(encoded))


def _from_run_lengths(encoded: bytes, shape: tuple[int, int, int], width: int) -> npt.NDArray[Any]:
    rows, columns, samples = shape
    header = np.frombuffer(encoded[:64], "<u4")
    starts = [*header[1 : 1 + header[0]].tolist(), len(encoded)]
    pixels = rows * columns
    planes = [
        np.frombuffer(imagecodecs.packbits_decode(encoded[a:b], out=pixels + 1024), np.uint8, count=pixels)
        for a, b in pairwise(starts)
    ]
    if len(planes) != samples * width:
        raise RefusedInput("Its compressed pixel data is damaged.")
    samples_of = [
        np.stack(planes[n * width : (n + 1) * width][::-1], axis=-1).view(f"<u{width}")[..., 0]
        for n in range(samples)
    ]
    return np.stack(samples_of, axis=-1).reshape(shape)


def _run_lengths(frame: npt.NDArray[Any]) -> bytes:
    """Encode a frame (row, column, sample): a segment a byte plane, the most significant first (PS3.5 G.2, G.5)."""
    width = frame.dtype.itemsize
    segments = []
    for sample in range(frame.shape[-1]):
        plane_bytes = np.ascontiguousarray(frame[..., sample]).view(np.uint8).reshape(*frame.shape[:2], width)
        for byte in reversed(range(width)):
            packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane_bytes[..., byte])
            segments.append(packed + b"\0" * (len(packed) % 2))
    header = np.zeros(16, "<u4")
    header[0] = len(segments)
    header[1 : 1 + len(segments)] = 64 + np.cumsum([0, *map(len, segments[:-1])])
    return header.tobytes() + b"".join(segments)


def _black(dataset: Dataset) -> npt.NDArray[Any] | int:
    photometric = text(dataset, "PhotometricInterpretation")
    stored = whole(dataset, "BitsStored") or 8
    if photometric == "MONOCHROME1":
        return int(
            (1 << (stored - 1)) - 1 if whole(dataset, "PixelRepresentation") == 1 else (1 << stored) - 1
        )
    if photometric.startswith("YBR"):
        middle = 1 << (stored - 1)
        return np.array([0, middle, middle])
    return 0
