import json
import re

import pydicom
import pytest

from firstread.errors import Cancelled, NothingReadable, RefusedInput, UsageError
from firstread.findings import NOTICE, ReadResult
from firstread.workflow.read_study import read_study
from firstread.workflow.result_folder import FILE_NAME, load_result
from tests import small_chest

STAGES = ["open", "load", "segment", "detect", "classify", "measure", "report"]


@pytest.fixture(scope="module")
def read(small_study, ball_reader, tmp_path_factory):
    """One read of the small chest: its folder, its result, and the progress that was told."""
    out = tmp_path_factory.mktemp("read") / "out"
    told = []
    result = read_study(small_study, out, reader="ball", progress=lambda *step: told.append(step))
    return out, result, told


def test_the_folder_has_every_file_of_a_result_and_no_other(read):
    out, _, _ = read
    names = {path.name for path in out.iterdir()}
    assert names >= {"result.json", "report.html", "report.pdf", "report.dcm", "report.fhir.json"}
    assert names >= {"sr.dcm", "seg.dcm"}
    assert any(re.fullmatch(r"key-.*\.dcm", name) for name in names)
    assert any(re.fullmatch(r"key-.*\.png", name) for name in names)
    assert all(FILE_NAME.fullmatch(name) for name in names)
    assert all((out / name).stat().st_size for name in names)


def test_result_json_is_what_the_call_returns(read):
    out, result, _ = read
    assert load_result(out) == ReadResult.model_validate_json(result.model_dump_json())
    assert json.loads((out / "result.json").read_text())["notice"] == NOTICE


def test_the_ball_lies_where_it_was_put(read):
    _, result, _ = read
    (finding,) = result.findings
    expected = [
        origin + index * spacing
        for origin, index, spacing in zip(
            small_chest.ORIGIN_LPS_MM, small_chest.BALL_INDEX[::-1], small_chest.SPACING_MM[::-1], strict=True
        )
    ]
    assert finding.center_lps_mm == pytest.approx(expected, abs=2)
    assert finding.diameter_mm.mean == pytest.approx(small_chest.BALL_MM, abs=2)


def test_the_dicom_objects_belong_to_the_study_in_series_of_their_own(read):
    out, result, _ = read
    series = [result.series_uid]
    for path in out.glob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        assert header.StudyInstanceUID == result.study_uid
        assert header.PatientName == small_chest.PATIENT
        series.append(header.SeriesInstanceUID)
    # SR, SEG, key images and report: four series beside the one that was read.
    assert len(set(series)) == 5


def test_the_impression_is_in_the_result_and_in_the_report(read):
    out, result, _ = read
    assert result.impression
    assert result.impression.split()[0] in (out / "report.html").read_text()


def test_the_time_of_each_stage_is_told(read):
    _, result, _ = read
    timings = result.timings_s
    assert 0 < timings.report < timings.total
    assert 0.1 < timings.load < 0.1 + timings.total  # the reader's own word, and the search for images


def test_progress_names_the_stages_in_their_order_and_ends_at_one(read):
    _, _, told = read
    assert list(dict.fromkeys(stage for stage, _ in told)) == STAGES
    assert told[-1] == ("report", 1.0)
    assert all(0 <= share <= 1 for _, share in told)


def test_the_same_read_twice_gives_the_same_findings(read, small_study, tmp_path):
    _, first, _ = read
    second = read_study(small_study, tmp_path / "out", reader="ball")
    assert second.model_dump(exclude={"timings_s"}) == first.model_dump(exclude={"timings_s"})


@pytest.mark.parametrize("stage", STAGES)
def test_a_read_that_is_cancelled_leaves_nothing(small_study, ball_reader, tmp_path, stage):
    def cancel(now, share):
        if now == stage:
            raise Cancelled(f"stopped in {stage}")

    with pytest.raises(Cancelled):
        read_study(small_study, tmp_path / "out", reader="ball", progress=cancel)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("told", "error"), [("refuse", RefusedInput), ("fail", ZeroDivisionError)])
def test_a_reader_that_does_not_come_to_an_end_leaves_nothing(
    small_study, ball_reader, tmp_path, monkeypatch, told, error
):
    monkeypatch.setenv("BALL_READER", told)
    with pytest.raises(error):
        read_study(small_study, tmp_path / "out", reader="ball")
    assert list(tmp_path.iterdir()) == []


def test_the_former_result_survives_a_replacement_that_fails(small_study, ball_reader, tmp_path, monkeypatch):
    out = tmp_path / "out"
    former = read_study(small_study, out, reader="ball")
    monkeypatch.setenv("BALL_READER", "fail")
    with pytest.raises(ZeroDivisionError):
        read_study(small_study, out, reader="ball", replace=True)
    assert load_result(out).timings_s == former.timings_s


def test_an_earlier_result_reaches_the_reader(read, small_study, tmp_path):
    earlier, first, _ = read
    result = read_study(small_study, tmp_path / "out", reader="ball", prior=earlier)
    assert result.prior.study_uid == first.study_uid


def test_the_report_is_written_in_chinese_where_asked(small_study, ball_reader, tmp_path):
    result = read_study(small_study, tmp_path / "out", reader="ball", lang="zh")
    chinese = re.compile("[\u4e00-\u9fff]{4,}")
    assert chinese.search(result.impression)
    assert chinese.search((tmp_path / "out" / "report.html").read_text())


def test_a_series_that_is_named_is_the_one_read(small_study, ball_reader, tmp_path):
    named = small_chest.uid("series")
    assert read_study(small_study, tmp_path / "out", reader="ball", series_uid=named).series_uid == named


def test_a_series_or_study_that_is_not_there_is_refused(small_study, ball_reader, tmp_path):
    with pytest.raises(UsageError, match=r"1\.2\.3"):
        read_study(small_study, tmp_path / "out", reader="ball", series_uid="1.2.3")
    with pytest.raises((UsageError, NothingReadable), match=r"1\.2\.3"):
        read_study(small_study, tmp_path / "out", reader="ball", study_uid="1.2.3")


@pytest.mark.parametrize(
    "wrong",
    [{"reader": "bone"}, {"prior": "nowhere"}, {"threads": 0}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_argument_that_cannot_work_is_refused_before_anything_is_read(
    small_study, ball_reader, tmp_path, wrong
):
    told = []
    with pytest.raises(UsageError):
        read_study(small_study, tmp_path / "out", progress=lambda *step: told.append(step), **wrong)
    assert told == []
    assert not (tmp_path / "out").exists()


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        read_study(tmp_path / "nowhere", tmp_path / "out")


def test_a_folder_without_dicom_is_nothing_readable(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    with pytest.raises(NothingReadable):
        read_study(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
