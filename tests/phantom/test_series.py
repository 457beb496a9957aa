import json
import subprocess
from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless

from firstread.errors import UsageError
from firstread.phantom import PhantomTruth
from firstread.phantom.series import prepare_folder, write_series
from firstread.phantom.vendors import VENDORS


@pytest.fixture(scope="module", params=list(VENDORS))
def written(request, coarse_phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, write_series(coarse_phantom, folder, vendor_like=request.param, scout=True)


def test_the_instances_pass_dciodvfy(written, debian_tool):
    _, _, paths = written
    for path in (paths[3], paths[-1]):
        done = subprocess.run(
            [debian_tool("dciodvfy"), "-new", path], capture_output=True, text=True, check=False
        )
        problems = [line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))]
        assert problems == []


def test_the_stored_values_are_the_phantoms_hounsfield_units(written, coarse_phantom):
    vendor, _, paths = written
    for index in (0, 11, 23):
        ds = pydicom.dcmread(paths[index])
        hu = ds.pixel_array.astype(int) * int(ds.RescaleSlope) + int(ds.RescaleIntercept)
        inside = np.ones(hu.shape, bool)
        if VENDORS[vendor].padding is not None:
            assert ds.PixelPaddingValue == VENDORS[vendor].padding
            inside = ds.pixel_array != ds.PixelPaddingValue
            assert not inside[0, 0]
            assert inside[64, 64]
        floor = int(ds.RescaleIntercept) if not VENDORS[vendor].signed else -32768
        assert np.array_equal(hu[inside], np.maximum(coarse_phantom.hu[index], floor)[inside])


def test_the_positions_are_those_of_the_geometry(written, coarse_phantom):
    _, _, paths = written
    for index in (0, 23):
        ds = pydicom.dcmread(paths[index], stop_before_pixels=True)
        assert np.allclose(
            [float(v) for v in ds.ImagePositionPatient],
            coarse_phantom.geometry.to_lps((index, 0, 0)),
            atol=1e-3,
        )
        assert list(ds.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
        assert list(ds.PixelSpacing) == [2.8, 2.8]
        assert float(ds.SliceThickness) == 2.5


def test_the_patient_is_invented_and_the_maker_is_firstread(written):
    _, _, paths = written
    ds = pydicom.dcmread(paths[0])
    assert ds.PatientName == "PHANTOM^FIRSTREAD"
    assert ds.PatientID == "PHANTOM-3"
    assert ds.Manufacturer == "firstread phantom"
    assert list(ds.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert (ds.Modality, ds.BodyPartExamined, ds.PatientPosition) == ("CT", "CHEST", "HFS")


def test_the_scout_is_a_series_of_its_own(written):
    _, _, paths = written
    scout, axial = (pydicom.dcmread(path) for path in (paths[-1], paths[0]))
    assert scout.ImageType[2] == "LOCALIZER"
    assert scout.StudyInstanceUID == axial.StudyInstanceUID
    assert scout.SeriesInstanceUID != axial.SeriesInstanceUID


def test_every_instance_has_its_own_number_and_uid(written):
    _, _, paths = written
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths[:-1]]
    assert len({ds.SOPInstanceUID for ds in headers}) == len(headers)
    assert sorted(ds.InstanceNumber for ds in headers) == list(range(1, len(headers) + 1))


def test_truth_json_holds_the_truth(written, coarse_phantom):
    _, folder, _ = written
    text = (folder / "truth.json").read_text(encoding="utf-8")
    assert PhantomTruth.model_validate_json(text) == coarse_phantom.truth
    assert len(json.loads(text)["nodules"]) == 2


def test_writing_again_gives_equal_files_and_another_date_another_study(coarse_phantom, tmp_path):
    one = write_series(coarse_phantom, tmp_path / "one")
    two = write_series(coarse_phantom, tmp_path / "two")
    later = write_series(coarse_phantom, tmp_path / "later", study_date=date(2027, 1, 15))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    before, after = (pydicom.dcmread(paths[0], stop_before_pixels=True) for paths in (one, later))
    assert before.PatientID == after.PatientID
    assert before.StudyInstanceUID != after.StudyInstanceUID
    assert int(after.PatientAge[:3]) == int(before.PatientAge[:3]) + 1


def test_implicit_vr_is_written_and_others_are_refused(coarse_phantom, tmp_path):
    paths = write_series(coarse_phantom, tmp_path, transfer_syntax=ImplicitVRLittleEndian)
    ds = pydicom.dcmread(paths[0])
    assert ds.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert np.array_equal(ds.pixel_array - 1024, coarse_phantom.hu[0])
    with pytest.raises(UsageError, match="cannot be written"):
        write_series(coarse_phantom, tmp_path, transfer_syntax=JPEG2000Lossless)


def test_a_folder_with_other_files_is_never_touched(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    for replace in (False, True):
        with pytest.raises(UsageError, match="other files"):
            prepare_folder(tmp_path, replace=replace)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_an_earlier_phantom_is_replaced_only_when_asked(tmp_path):
    (tmp_path / "ct-0001.dcm").write_bytes(b"old")
    with pytest.raises(UsageError, match="--force"):
        prepare_folder(tmp_path, replace=False)
    prepare_folder(tmp_path, replace=True)
    assert not list(tmp_path.iterdir())
