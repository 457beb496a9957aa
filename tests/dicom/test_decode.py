"""Every transfer syntax decodes to the same HU; damaged codestreams are refused."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstread.dicom import load_volume, open_study
from firstread.dicom.decode import Undecodable, stored_values
from firstread.dicom.frames import Frame, frames_of
from firstread.dicom.pixels import encoded_frames
from tests.dicom import ct_series as make
from tests.dicom.ct_series import anatomy, ct_series, encode, only_series, write

HU = anatomy(10, 40, seed=2)


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("syntax", make.LOSSLESS)
def test_lossless_transfer_syntaxes_give_identical_hu(syntax: str, signed: bool) -> None:
    datasets = ct_series(HU, signed=signed)
    if signed:
        for ds, plane in zip(datasets, HU, strict=True):
            ds.RescaleIntercept = 0
            make.put_values(ds, plane.astype(np.int32))
    assert np.array_equal(load_volume(only_series([encode(ds, syntax) for ds in datasets])).hu, HU)


@pytest.mark.parametrize(
    ("syntax", "within"), [(make.JPEG_LS_NEAR, 2), (make.JPEG_EXTENDED, 60), (make.JPEG_2000_LOSSY, 150)]
)
def test_lossy_transfer_syntaxes_come_close_and_are_reported(syntax: str, within: int) -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        ds.BitsStored, ds.HighBit, ds.LossyImageCompression = 12, 11, "01"
    volume = load_volume(only_series([encode(ds, syntax) for ds in datasets]))
    assert 0 < np.abs(volume.hu.astype(int) - HU).max() <= within
    assert any("compressed with loss" in warning for warning in volume.warnings)


def test_jpeg_baseline_of_eight_bits() -> None:
    datasets = ct_series(HU)
    for ds, plane in zip(datasets, HU, strict=True):
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        ds.RescaleSlope = 5
        ds.PixelData = ((plane.astype(np.int32) + 1024) // 5).astype("<u2").tobytes()
    volume = load_volume(only_series([encode(ds, make.JPEG_BASELINE) for ds in datasets]))
    assert np.abs(volume.hu.astype(int) - HU).mean() < 10


def test_bits_above_the_high_bit_are_ignored() -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        ds.BitsStored, ds.HighBit = 12, 11
        stored = make.stored_values(ds)[0].astype(np.int32)
        make.put_values(ds, stored | 0x7000)
    assert np.array_equal(load_volume(only_series(datasets)).hu, HU)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("dcmconv", ["+ti"]),
        ("dcmconv", ["+te"]),
        ("dcmconv", ["+tb"]),
        ("dcmconv", ["+td"]),
        ("dcmcjpeg", ["+e1"]),
        ("dcmcjpeg", ["+el"]),
        ("dcmcjpls", ["+el"]),
        ("dcmcrle", []),
        ("gdcmconv", ["--j2k"]),
        ("gdcmconv", ["--jpeg"]),
        ("gdcmconv", ["--jpegls"]),
        ("gdcmconv", ["--rle"]),
    ],
)
def test_copies_that_other_toolkits_encoded_give_identical_hu(
    tmp_path: Path, debian_tool: Callable[[str], str], tool: str, arguments: list[str]
) -> None:
    program = debian_tool(tool)
    datasets = ct_series(HU[:5], spacing_mm=(5.0, 0.8, 0.7))
    for ds in datasets:
        ds.BitsStored, ds.HighBit = 12, 11
    source, target = write(tmp_path / "plain", datasets), tmp_path / "copy"
    target.mkdir()
    for path in source.iterdir():
        subprocess.run([program, *arguments, path, target / path.name], check=True, capture_output=True)
    copied = open_study(target).series[0]
    assert np.array_equal(load_volume(copied).hu, HU[:5])


def test_real_slices_survive_other_encodings(
    shared_ct: Path, tmp_path: Path, debian_tool: Callable[[str], str]
) -> None:
    decode, convert = debian_tool("dcmdjpls"), debian_tool("gdcmconv")
    chosen = sorted((shared_ct / "lidc-0001").glob("*.dcm"))[40:48]
    for folder in ("original", "plain", "wavelet"):
        (tmp_path / folder).mkdir()
    for path in chosen:
        shutil.copy(path, tmp_path / "original")
        subprocess.run([decode, path, tmp_path / "plain" / path.name], check=True, capture_output=True)
        plain = tmp_path / "plain" / path.name
        subprocess.run(
            [convert, "--j2k", plain, tmp_path / "wavelet" / path.name], check=True, capture_output=True
        )
    volumes = [load_volume(open_study(tmp_path / f).series[0]) for f in ("original", "plain", "wavelet")]
    assert np.array_equal(volumes[0].hu, volumes[1].hu)
    assert np.array_equal(volumes[0].hu, volumes[2].hu)


def first_frame(syntax: str) -> tuple[Frame, bytes]:
    frame = frames_of(only_series([encode(ds, syntax) for ds in ct_series(HU)]))[0]
    encoded = encoded_frames(frame.instance)[0]
    assert encoded is not None
    return frame, encoded


@pytest.mark.parametrize("syntax", [make.JPEG_LS, make.JPEG_LOSSLESS, make.JPEG_2000, make.HTJ2K, make.RLE])
def test_a_codestream_cut_off_anywhere_is_refused(syntax: str) -> None:
    frame, encoded = first_frame(syntax)
    for share in (0.0, 0.1, 0.5, 0.9):
        with pytest.raises(Undecodable):
            stored_values(encoded[: int(len(encoded) * share)], frame)


@pytest.mark.parametrize("syntax", [make.JPEG_LS, make.JPEG_LOSSLESS, make.JPEG_2000, make.HTJ2K])
def test_a_codestream_of_another_size_is_refused_before_decoding(syntax: str) -> None:
    frame, _ = first_frame(syntax)
    other = frames_of(only_series([encode(ds, syntax) for ds in ct_series(anatomy(10, 48))]))[0]
    encoded = encoded_frames(other.instance)[0]
    assert encoded is not None
    with pytest.raises(Undecodable, match="is 48×48, the header says 40×40"):
        stored_values(encoded, frame)


def test_a_zero_byte_before_the_end_of_a_jpeg_ls_stream_is_passed_over() -> None:
    frame, encoded = first_frame(make.JPEG_LS)
    body = encoded.rstrip(b"\x00")
    assert np.array_equal(
        stored_values(body[:-2] + b"\x00" + body[-2:], frame), stored_values(encoded, frame)
    )
