"""Damaged inputs end in a volume or in an error that has a name, and soon."""

import struct
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword

import tests.dicom.ct_series as make
from firstread.dicom import Volume, choose_series
from firstread.errors import FirstreadError
from tests.dicom.ct_series import anatomy, ct_series, encode, enhanced, in_memory

INPUTS = 2400
LONGEST_S = 5.0

SYNTAXES = (
    make.EXPLICIT,
    make.IMPLICIT,
    make.BIG,
    make.DEFLATED,
    make.JPEG_LS,
    make.JPEG_LOSSLESS_SV1,
    make.JPEG_EXTENDED,
    make.JPEG_2000,
    make.HTJ2K,
    make.RLE,
)
HOSTILE_TAGS = [
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "RescaleSlope",
    "RescaleIntercept",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "FrameOfReferenceUID",
    "Modality",
    "ImageType",
    "PixelData",
    "PhotometricInterpretation",
    "SeriesNumber",
]
NONSENSE = (
    b"",
    b"\x00\x00",
    b"nan ",
    b"1e999 ",
    b"-1\\\\7 ",
    b"\xff" * 8,
    b"9" * 40,
    b"1\\0\\0\\0\\1\\0 ",
    b"0 ",
    b"\xd0\x07",
)
Random = np.random.Generator


def series_of(syntax: str) -> list[bytes]:
    hu = anatomy(7, 24, seed=3)
    if syntax == make.JPEG_EXTENDED:
        hu = np.clip(hu, -1024, 1000)
    datasets = ct_series(hu, spacing_mm=(3.0, 0.8, 0.8))
    for ds in datasets if syntax == make.JPEG_EXTENDED else ():
        ds.BitsStored, ds.HighBit = 12, 11
    return [encode(ds, syntax) for ds in datasets]


@pytest.fixture(scope="module")
def whole() -> list[list[bytes]]:
    one_object = [
        encode(enhanced(ct_series(anatomy(7, 24), spacing_mm=(3.0, 0.8, 0.8))), s) for s in SYNTAXES[::4]
    ]
    return [series_of(syntax) for syntax in SYNTAXES] + [[item] for item in one_object]


def flip(content: bytes, rng: Random) -> bytes:
    damaged = bytearray(content)
    for at in rng.integers(0, len(content), rng.integers(1, 24)):
        damaged[at] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def flip_header(content: bytes, rng: Random) -> bytes:
    cut = min(len(content), int(rng.integers(140, 900)))
    return content[:132] + flip(content[132:cut], rng) + content[cut:]


def flip_pixels(content: bytes, rng: Random) -> bytes:
    cut = len(content) // 2
    return content[:cut] + flip(content[cut:], rng)


def truncate(content: bytes, rng: Random) -> bytes:
    return content[: int(rng.integers(0, len(content)))]


def splice(content: bytes, rng: Random) -> bytes:
    at, size = int(rng.integers(132, len(content))), int(rng.integers(1, 64))
    return content[:at] + rng.bytes(size) + content[at + int(rng.integers(0, 2)) * size :]


def place_of(content: bytes, keyword: str) -> int:
    """Byte of the element's tag in either byte order; -1 when it is not to be seen."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    group, element = divmod(tag, 1 << 16)
    found = content.find(struct.pack("<HH", group, element), 132)
    return found if found >= 0 else content.find(struct.pack(">HH", group, element), 132)


def remove_tag(content: bytes, rng: Random) -> bytes:
    at = place_of(content, HOSTILE_TAGS[int(rng.integers(len(HOSTILE_TAGS)))])
    # Renamed rather than cut out: the same to a reader, in every encoding.
    return content if at < 0 else content[:at] + b"\x09\x00\x01\x10" + content[at + 4 :]


def nonsense_value(content: bytes, rng: Random) -> bytes:
    at = place_of(content, HOSTILE_TAGS[int(rng.integers(len(HOSTILE_TAGS)))])
    value = NONSENSE[int(rng.integers(len(NONSENSE)))]
    return content if at < 0 else content[: at + 8] + value + content[at + 8 + len(value) :]


def wrong_vr(content: bytes, rng: Random) -> bytes:
    at = place_of(content, HOSTILE_TAGS[int(rng.integers(len(HOSTILE_TAGS)))])
    vr = (b"SQ", b"UN", b"FD", b"US", b"OB", b"ZZ", b"AT", b"\x00\x00")[int(rng.integers(8))]
    return content if at < 0 else content[: at + 4] + vr + content[at + 6 :]


def huge_length(content: bytes, rng: Random) -> bytes:
    at = place_of(content, HOSTILE_TAGS[int(rng.integers(len(HOSTILE_TAGS)))])
    length = struct.pack("<I", int(rng.choice([0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x10000])))
    return content if at < 0 else content[: at + 4] + length + content[at + 8 :]


def huge_size(content: bytes, rng: Random) -> bytes:
    at = place_of(content, ("Rows", "Columns", "BitsAllocated", "BitsStored")[int(rng.integers(4))])
    return content if at < 0 else content[: at + 8] + rng.bytes(2) + content[at + 10 :]


def nested(content: bytes, rng: Random) -> bytes:
    """Open thousands of sequences in each other in front of the pixels."""
    at = place_of(content, "PixelData")
    if at < 0:
        return content
    opened = b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * int(
        rng.integers(1, 3000)
    )
    return content[:at] + opened + content[at:]


DAMAGES = (
    flip,
    flip_header,
    flip_pixels,
    truncate,
    splice,
    remove_tag,
    nonsense_value,
    wrong_vr,
    huge_length,
    huge_size,
)


def damaged_inputs(whole: list[list[bytes]], count: int) -> Iterator[tuple[str, list[bytes]]]:
    rng = np.random.default_rng(20250102)
    for n in range(count):
        files = list(whole[n % len(whole)])
        damage = nested if n % 100 == 99 else DAMAGES[int(rng.integers(len(DAMAGES)))]
        # One file, some, or all of them alike: as when a disk fails, and as when a sender is wrong.
        hit = rng.permutation(len(files))[: int(rng.choice([1, 2, len(files)]))]
        seed = int(rng.integers(1 << 30))
        alike = rng.random() < 0.5
        for k, at in enumerate(hit):
            files[at] = damage(files[at], np.random.default_rng(seed if alike else seed + k))
        yield f"{n} {damage.__name__}", files


@pytest.mark.timeout(1800)
def test_thousands_of_damaged_inputs_end_in_a_volume_or_a_named_error(whole: list[list[bytes]]) -> None:
    outcomes: Counter[str] = Counter()
    slowest = (0.0, "")
    for name, files in damaged_inputs(whole, INPUTS):
        start = time.process_time()
        try:
            study = in_memory(files)
            volume = study.volume(choose_series(study).series, threads=1)
        except FirstreadError as error:
            outcomes[type(error).__name__] += 1
            assert error.message, name
        else:
            outcomes["volume"] += 1
            check(volume, name)
        slowest = max(slowest, (time.process_time() - start, name))
    assert slowest[0] < LONGEST_S, slowest
    assert sum(outcomes.values()) == INPUTS
    # The damage must be of every degree, or the test proves little.
    assert min(outcomes["volume"], outcomes["RefusedInput"]) > INPUTS // 20, outcomes


def check(volume: Volume, name: str) -> None:
    assert volume.hu.dtype == np.int16, name
    assert volume.hu.shape == volume.geometry.shape, name
    assert volume.hu.min() >= -1024, name
    assert np.isfinite(volume.geometry.affine).all(), name
    assert volume.geometry.voxel_mm3 > 0, name
    assert len(volume.sources) == len(volume.headers) >= 4, name
    index = [source.index for source in volume.sources]
    assert index == sorted(index), name
    assert index[0] >= 0, name
    assert index[-1] <= volume.hu.shape[0] - 0.5, name


def test_undamaged_series_of_the_run_are_all_read(whole: list[list[bytes]]) -> None:
    for files in whole:
        study = in_memory(files)
        assert study.volume(choose_series(study).series).hu.shape == (7, 24, 24)
