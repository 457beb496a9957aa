import json
import shutil

import pytest

from firstread.errors import NothingReadable, UsageError
from firstread.evaluation.scans import find_scans
from tests.small_chest import uid

HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"


@pytest.fixture
def folder(small_study, tmp_path):
    """Two studies of the same few slices, one annotated; and a folder without an image."""
    for name in ("b/deep", "a"):
        (tmp_path / name).mkdir(parents=True)
        for path in sorted(small_study.glob("*.dcm"))[:6]:
            shutil.copy(path, tmp_path / name)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("x" * 200)
    told = {"series_uid": uid("series"), "patient": "p1", "readers_annotations": []}
    (tmp_path / "b" / "annotations.json").write_text(json.dumps(told))
    return tmp_path


def test_a_study_with_annotations_is_measured_on_and_one_without_is_left_out_aloud(folder):
    found = find_scans(folder)
    assert [scan.name for scan in found.scans] == ["b"]
    assert found.warnings == ("a has no annotations.json and was left out.",)


def test_studies_without_annotations_may_count_as_empty(folder):
    found = find_scans(folder, unannotated_are_empty=True)
    assert [scan.name for scan in found.scans] == ["a", "b"]
    assert found.scans[0].truth.nodules == ()
    assert found.warnings == ()


def test_the_folder_itself_may_be_the_scan(folder):
    (scan,) = find_scans(folder / "b").scans
    assert scan.name == "b"
    study = scan.open()
    assert [series.uid for series in study.series] == [uid("series")]
    assert scan.patient(study.series[0]) == "p1"


def test_without_a_word_the_patient_is_that_of_the_header(folder):
    scan = find_scans(folder / "a", unannotated_are_empty=True).scans[0]
    assert scan.patient(scan.open().series[0]) == "12345"


def test_a_marked_series_that_is_not_there_is_told(folder):
    path = folder / "b" / "annotations.json"
    path.write_text('{"series_uid": "1.2.3", "readers_annotations": []}')
    with pytest.raises(NothingReadable, match=r"1\.2\.3"):
        find_scans(folder / "b").scans[0].open()


def test_a_list_is_matched_by_series_wherever_the_files_lie(folder):
    (folder / "list.csv").write_text(f"{HEADER}{uid('series')},1,2,3,8\n1.2.3,1,2,3,8\n")
    found = find_scans(folder, annotations=folder / "list.csv")
    assert [scan.name for scan in found.scans] == ["a", "b/deep"]
    assert len(found.scans[0].truth.nodules) == 1
    assert found.warnings == (f"1 series of the list are not under {folder}.",)


def test_series_that_the_list_does_not_name_are_left_out_or_empty(folder):
    (folder / "list.csv").write_text(f"{HEADER}1.2.3,1,2,3,8\n")
    with pytest.raises(NothingReadable, match="No annotated scan"):
        find_scans(folder, annotations=folder / "list.csv")
    found = find_scans(folder, annotations=folder / "list.csv", unannotated_are_empty=True)
    assert [len(scan.truth.nodules) for scan in found.scans] == [0, 0]


def test_what_cannot_work_is_told(folder):
    with pytest.raises(UsageError, match="not a folder"):
        find_scans(folder / "none")
    with pytest.raises(UsageError, match="needs --annotations"):
        find_scans(folder, excluded=folder / "x.csv")
    with pytest.raises(NothingReadable, match="No annotated scan"):
        find_scans(folder / "notes")
