import json
import os
import stat
from pathlib import Path

import pytest

from firstread.errors import Cancelled, FirstreadError, UsageError
from firstread.workflow import result_folder
from firstread.workflow.result_folder import (
    check_destination,
    load_result,
    new_result_folder,
    write_result_json,
)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def write(out, result, **options):
    with new_result_folder(out, **options) as folder:
        (folder / "report.html").write_text("<html>")
        write_result_json(folder, result)


def test_a_result_folder_is_read_back_as_it_was_written(out, result):
    write(out, result)
    assert load_result(out) == result
    assert load_result(out / "result.json") == result


def test_a_result_folder_is_for_its_owner_alone(out, result):
    write(out, result)
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_folders_above_the_result_are_made(tmp_path, result):
    write(tmp_path / "a" / "b" / "out", result)
    assert (tmp_path / "a" / "b" / "out" / "result.json").is_file()


def test_an_empty_folder_is_taken_as_it_is(out, result):
    out.mkdir()
    write(out, result)
    assert load_result(out) == result


@pytest.mark.parametrize(
    "problem", [Cancelled("stop"), KeyboardInterrupt(), SystemExit(143), ValueError("fault")]
)
def test_nothing_is_left_when_writing_stops_midway(tmp_path, out, result, problem):
    with pytest.raises(type(problem)), new_result_folder(out) as folder:
        write_result_json(folder, result)
        raise problem
    assert list(tmp_path.iterdir()) == []


def test_the_folder_does_not_carry_its_name_before_it_is_complete(out, result):
    with new_result_folder(out) as folder:
        write_result_json(folder, result)
        assert not out.exists()
    assert out.exists()


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, out):
    with pytest.raises(FirstreadError, match=r"could not be written.*No space left"), new_result_folder(out):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_result_is_not_overwritten_unless_asked(out, result):
    write(out, result)
    with pytest.raises(UsageError, match="--force"):
        write(out, result.model_copy(update={"impression": "second"}))
    assert load_result(out) == result


def test_a_result_is_replaced_whole_when_asked(tmp_path, out, result):
    write(out, result)
    (out / "key-N9.png").write_bytes(b"of the first")
    second = result.model_copy(update={"impression": "second"})
    write(out, second, replace=True)
    assert load_result(out) == second
    assert not (out / "key-N9.png").exists()
    assert list(tmp_path.iterdir()) == [out]


def test_the_former_result_stays_when_its_replacement_fails(tmp_path, out, result):
    write(out, result)
    with pytest.raises(ZeroDivisionError), new_result_folder(out, replace=True):
        raise ZeroDivisionError
    assert load_result(out) == result
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_with_other_files_is_never_touched(out, result, replace):
    write(out, result)
    (out / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match="other files"):
        write(out, result, replace=replace)
    assert (out / "thesis.docx").read_text() == "years of work"


def test_a_folder_that_filled_up_meanwhile_is_not_overwritten(tmp_path, out, result):
    with pytest.raises(UsageError), new_result_folder(out):
        write(out, result)
    assert load_result(out) == result
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_destination_that_is_no_folder_is_refused(tmp_path, out, kind):
    if kind == "file":
        out.write_text("")
    else:
        out.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        check_destination(out)


def test_a_destination_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        check_destination(tmp_path / "file" / "out")


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, result):
    out = tmp_path / "out[1]"  # a name that would be a pattern
    left = tmp_path / ".out[1].partial-00c0ffee"
    left.mkdir()
    (left / "result.json").write_text("{")
    write(out, result)
    assert list(tmp_path.iterdir()) == [out]


def test_what_another_read_is_writing_is_left_alone(tmp_path, out):
    with new_result_folder(out) as first:
        with pytest.raises(ZeroDivisionError), new_result_folder(out) as second:
            assert second != first
            raise ZeroDivisionError
        assert first.is_dir()


def test_everything_is_on_the_disk_before_the_folder_gets_its_name(out, result, monkeypatch):
    order = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        os, "fsync", lambda handle: (order.append(os.readlink(f"/proc/self/fd/{handle}")), fsync(handle))
    )
    monkeypatch.setattr(os, "rename", lambda a, b: (order.append("rename"), rename(a, b)))
    write(out, result)
    assert order[-1] == "rename"
    assert {Path(name).name for name in order[:-1]} >= {"result.json", "report.html"}


def damaged(result, change):
    content = json.loads(result.model_dump_json())
    change(content)
    return json.dumps(content)


HOSTILE = {
    "no JSON": lambda result: "<xml/>",
    "empty": lambda result: "",
    "not text": lambda result: b"\xff\xfe\x00",
    "a list": lambda result: "[]",
    "deep": lambda result: "[" * 100_000,
    "another schema": lambda result: damaged(result, lambda c: c.update(schema_version="2")),
    "a missing field": lambda result: damaged(result, lambda c: c.pop("series_uid")),
    "an unknown field": lambda result: damaged(result, lambda c: c.update(extra=1)),
    "a number as text": lambda result: damaged(result, lambda c: c["findings"][0].update(volume_mm3="nan")),
    "not a number": lambda result: damaged(
        result, lambda c: c["findings"][0].update(volume_mm3=float("nan"))
    ),
    "infinite": lambda result: damaged(
        result, lambda c: c["findings"][0].update(center_lps_mm=[1e999, 0, 0])
    ),
    "a false UID": lambda result: damaged(
        result, lambda c: c["findings"][0].update(tracking_uid="../../etc")
    ),
    "a long UID": lambda result: damaged(result, lambda c: c.update(study_uid="1." * 40 + "1")),
    "a huge number": lambda result: damaged(result, lambda c: c["acquisition"].update(slices=0)).replace(
        '"slices": 0', '"slices": ' + "9" * 10_000
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_prior_that_is_no_result_is_refused_by_name(tmp_path, result, kind):
    content = HOSTILE[kind](result)
    path = tmp_path / "prior.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=r"prior\.json"):
        load_result(path)


def test_a_prior_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not there"):
        load_result(tmp_path)


def test_a_prior_that_is_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "result.json")
    with pytest.raises(UsageError, match="not a file"):
        load_result(tmp_path)


def test_a_prior_larger_than_any_result_is_refused(tmp_path, result, monkeypatch):
    monkeypatch.setattr(result_folder, "LARGEST_RESULT_BYTES", 100)
    write(tmp_path / "out", result)
    with pytest.raises(UsageError, match="larger"):
        load_result(tmp_path / "out")
