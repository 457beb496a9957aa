import json
import shutil

import pydicom
import pytest

from tests import small_chest


def test_the_series_that_would_be_read_is_marked_with_the_reason(firstread, small_study):
    done = firstread("info", small_study)
    assert done.code == 0
    row = next(line for line in done.out.splitlines() if "Chest 2.0" in line)
    for part in (
        "→",
        "CT",
        "axial",
        "STANDARD",
        "80",
        "128 × 128",
        "2.600",
        "2.00",
        "Explicit VR Little Endian",
    ):
        assert part in row
    assert f"→ Series 2 ({small_chest.uid('series')}): Chosen as the only axial CT series" in done.out


def test_the_same_is_said_as_json(firstread, small_study):
    told = json.loads(firstread("info", small_study, "--json").out)
    (series,) = told["series"]
    assert told["study_uid"] == small_chest.uid("study")
    assert (series["orientation"], series["images"], series["interval_mm"]) == ("axial", 80, 2.0)
    assert series["chosen"] is True


def test_no_patient_is_named(firstread, small_study):
    done = firstread("info", small_study)
    as_json = firstread("info", small_study, "--json")
    for text in (*done[1:], *as_json[1:]):
        assert "Jane" not in text
        assert "12345" not in text


@pytest.fixture
def changed(small_study, tmp_path):
    """A function that makes a copy of some slices with other headers."""

    def change(folder, slices=range(80), **values):
        (tmp_path / folder).mkdir(parents=True)
        for index in slices:
            image = pydicom.dcmread(small_study / f"{index:03d}.dcm")
            for keyword, value in values.items():
                setattr(image, keyword, value)
            image.save_as(tmp_path / folder / f"{index}.dcm")
        return tmp_path / folder

    return change


def test_a_series_that_would_not_be_read_is_listed_with_the_reason(firstread, small_study, changed, tmp_path):
    scout = small_chest.uid("scout")
    study = changed(
        "study/scout", range(1), SeriesInstanceUID=scout, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
    )
    shutil.copytree(small_study, study.parent / "ct")
    done = firstread("info", study.parent)
    assert done.code == 0
    assert f"({scout}): a localizer" in done.out
    assert "Chosen as" in done.out


def test_a_study_without_a_readable_series_is_still_described(firstread, changed):
    done = firstread("info", changed("mr", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
    assert done.code == 0
    assert " MR " in done.out
    assert "Nothing would be read." in done.out
    assert "MR, not CT" in done.out.replace("\n", " ")


def test_a_folder_without_dicom_ends_with_3(firstread, tmp_path):
    (tmp_path / "in").mkdir()
    assert firstread("info", "in").code == 3


def test_a_path_that_is_not_there_ends_with_2(firstread):
    done = firstread("info", "nowhere")
    assert done.code == 2
    assert "nowhere does not exist" in done.err
