"""A path becomes a study, whatever else lies there."""

import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from firstread.dicom import open_study
from firstread.errors import NothingReadable, RefusedInput, UsageError
from tests.dicom import ct_series as make
from tests.dicom.ct_series import anatomy, ct_series, encode, enhanced, write, write_zip

HU = anatomy(10, 32, seed=4)


def hu_of(path: Path) -> np.ndarray:
    study = open_study(path)
    return study.volume(study.series[0]).hu


def test_folder_with_nesting_renamed_and_foreign_files(tmp_path: Path) -> None:
    order = np.random.default_rng(5).permutation(10)
    shuffled = [ct_series(HU)[n] for n in order]
    folder = write(tmp_path / "study", shuffled, pattern="a/{0}/IM{0}")
    (folder / "notes.txt").write_text("x" * 500)
    (folder / "empty").touch()
    (folder / "a" / "picture.png").write_bytes(b"\x89PNG" + bytes(500))
    os.mkfifo(folder / "pipe")
    study = open_study(folder)
    assert len(study.series) == 1
    assert study.warnings == ()
    assert np.array_equal(hu_of(folder), HU)


def test_zip_archive_with_nested_folders(tmp_path: Path) -> None:
    assert np.array_equal(hu_of(write_zip(tmp_path / "s.zip", ct_series(HU), pattern="../../x/{0:03d}")), HU)


def test_single_enhanced_file(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(encode(enhanced(ct_series(HU))))
    assert np.array_equal(hu_of(path), HU)


def test_files_without_preamble_are_dicom_too(tmp_path: Path) -> None:
    # The data set alone, as older systems export it: explicit little endian, no file meta information.
    bare = []
    for ds in ct_series(HU):
        content = encode(ds)
        (length,) = struct.unpack("<I", content[140:144])
        bare.append(content[144 + length :])
    assert np.array_equal(hu_of(write(tmp_path / "bare", bare)), HU)


def test_dicomdir_is_no_image(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", ct_series(HU))
    directory = ct_series(HU[:1], series=5)[0]
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    (folder / "DICOMDIR").write_bytes(encode(directory))
    assert len(open_study(folder).series) == 1


def test_damaged_header_is_counted_in_a_warning(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", ct_series(HU))
    (folder / "9999.dcm").write_bytes(bytes(128) + b"DICM" + bytes(200))
    assert open_study(folder).warnings == ("1 DICOM file(s) had no readable header and were left out.",)


def test_several_studies_are_refused_unless_one_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "both", [*ct_series(HU), *ct_series(HU, study=2)])
    with pytest.raises(RefusedInput, match=rf"2 studies found.*{make.ROOT}\.1 .*{make.ROOT}\.2 "):
        open_study(folder)
    assert open_study(folder, study_uid=f"{make.ROOT}.2").study_uid == f"{make.ROOT}.2"
    with pytest.raises(UsageError, match="is not here"):
        open_study(folder, study_uid="1.2.3")


def test_series_are_ordered_by_number(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", [*ct_series(HU, series=12), *ct_series(HU, series=3)])
    assert [series.number for series in open_study(folder).series] == [3, 12]


def test_no_dicom_and_no_path(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing here" * 50)
    with pytest.raises(NothingReadable, match=r"No DICOM image among 1 file"):
        open_study(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        open_study(tmp_path / "nowhere")


def test_patient_is_never_named_in_a_message(tmp_path: Path) -> None:
    folder = write(tmp_path / "both", [*ct_series(HU), *ct_series(HU, study=2)])
    with pytest.raises(RefusedInput) as caught:
        open_study(folder)
    assert "Synthetic" not in str(caught.value)
    assert "SYN-1" not in str(caught.value)


def test_deflated_bomb_is_left_out(tmp_path: Path) -> None:
    content = encode(ct_series(HU)[0], make.DEFLATED)
    (length,) = struct.unpack("<I", content[140:144])
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(80 << 20)) + packer.flush()
    (tmp_path / "bomb.dcm").write_bytes(content[: 144 + length] + bomb)
    with pytest.raises(NothingReadable, match="none has a readable header"):
        open_study(tmp_path)


def test_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstread.dicom.archive.MODEST_TOTAL", 16 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.dcm", "w") as member:
        for _ in range(40):
            member.write(bytes(1 << 20))
    with pytest.raises(RefusedInput, match="would unpack to 1 files of 40 MiB"):
        open_study(path)


def test_damaged_zip_is_not_readable(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "s.zip", ct_series(HU))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(NothingReadable, match="damaged zip"):
        open_study(path)


def test_damaged_member_of_a_zip_is_a_missing_slice(tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for n, ds in enumerate(ct_series(HU)):
            archive.writestr(f"{n}", encode(ds))
    content = bytearray(path.read_bytes())
    content[content.find(b"DICM", len(content) // 2) + 1500] ^= 0xFF
    path.write_bytes(content)
    study = open_study(path)
    volume = study.volume(study.series[0])
    assert volume.hu.shape == HU.shape
    assert study.warnings or volume.warnings


def test_more_members_than_any_study_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstread.dicom.archive.MOST_MEMBERS", 5)
    with pytest.raises(RefusedInput, match="would unpack to 10 files"):
        open_study(write_zip(tmp_path / "s.zip", ct_series(HU)))


def test_a_study_remembers_its_last_volume(tmp_path: Path) -> None:
    study = open_study(write(tmp_path / "s", [*ct_series(HU), *ct_series(HU, series=2)]))
    first = study.volume(study.series[0])
    assert study.volume(study.series[0]) is first
    study.volume(study.series[1])
    assert study.volume(study.series[0]) is not first
    with pytest.raises(UsageError, match="not part of study"):
        study.volume(open_study(tmp_path / "s").series[0])
