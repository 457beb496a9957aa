import json

import pytest

from firstread.errors import UsageError
from firstread.evaluation.annotations import UNKNOWN_SIZE_MM, read_annotations, read_luna16

MARK = {
    "center_lps_mm": [1, 2, 3],
    "long_diameter_mm": 9.5,
    "volume_mm3": 200,
    "texture": 5,
    "spiculation": 1,
}
HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"


def test_marks_ratings_series_and_patient_are_read(tmp_path):
    path = tmp_path / "annotations.json"
    told = {"series_uid": "1.2.3", "patient": "p1", "slices": 133, "readers_annotations": [MARK, MARK]}
    path.write_text(json.dumps(told))
    truth = read_annotations(path)
    assert (truth.series_uid, truth.patient) == ("1.2.3", "p1")
    (nodule,) = truth.nodules
    assert (nodule.readers, nodule.center_lps_mm) == (2, (1, 2, 3))
    assert nodule.marks[0].ratings == {"texture": 5, "spiculation": 1}


def test_a_scan_in_which_readers_marked_nothing_is_annotated_all_the_same(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_text('{"readers_annotations": []}')
    assert read_annotations(path).nodules == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "the file"),
        ("{}", "readers_annotations"),
        (json.dumps({"readers_annotations": [{**MARK, "long_diameter_mm": 0}]}), "0.long_diameter_mm"),
        (json.dumps({"readers_annotations": [{**MARK, "center_lps_mm": [1, 2]}]}), "0.center_lps_mm"),
        (json.dumps({"readers_annotations": [{**MARK, "texture": 9}]}), "0.texture"),
        (json.dumps({"readers_annotations": [{**MARK, "volume_mm3": float("nan")}]}), "0.volume_mm3"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_the_place_of_the_fault(tmp_path, text, says):
    path = tmp_path / "annotations.json"
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_annotations(path)
    assert says in str(refused.value)
    assert "annotations.json" in str(refused.value)
    assert "docs/how-to/evaluate.md" in refused.value.remedy


def test_luna16_lists_are_read_by_series(tmp_path):
    (tmp_path / "a.csv").write_text(f"{HEADER}1.2,-1.5,2,3,5.5\n1.2,9,9,9,12\n1.3,0,0,0,4\n")
    (tmp_path / "x.csv").write_text(f"{HEADER}1.2,7,7,7,-1\n1.4,1,1,1,6\n")
    truths = read_luna16(tmp_path / "a.csv", excluded=tmp_path / "x.csv")
    assert {uid: (len(t.nodules), len(t.ignored)) for uid, t in truths.items()} == {
        "1.2": (2, 1),
        "1.3": (1, 0),
        "1.4": (0, 1),
    }
    assert truths["1.2"].nodules[0].center_lps_mm == (-1.5, 2, 3)
    assert truths["1.2"].nodules[0].agreed(4)
    assert truths["1.2"].ignored == (((7, 7, 7), UNKNOWN_SIZE_MM),)


def test_columns_may_come_in_any_order_and_after_a_byte_order_mark(tmp_path):
    text = "\ufeffdiameter_mm,note,coordZ,coordY,coordX,seriesuid\n4,x,3,2,1,1.2\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert read_luna16(tmp_path / "a.csv")["1.2"].nodules[0].center_lps_mm == (1, 2, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column seriesuid"),
        ("seriesuid,coordX,coordY,coordZ\n", "no column diameter_mm"),
        (f"{HEADER}1.2,a,2,3,4\n", "line 2"),
        (f"{HEADER}1.2,1,2,3,4\n1.2,1,2\n", "line 3"),
        (f"{HEADER}1.2,1,2,3,nan\n", "line 2"),
        (f"{HEADER}1.2,1,2,3,-1\n", "above 0"),
        (f"{HEADER},1,2,3,4\n", "line 2"),
    ],
)
def test_a_broken_list_is_refused_with_its_line(tmp_path, text, says):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UsageError, match=says):
        read_luna16(tmp_path / "a.csv")


def test_a_list_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_luna16(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UsageError, match="UTF-8"):
        read_luna16(tmp_path / "b.csv")
