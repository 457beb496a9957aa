import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from pydicom import dcmread

from firstread.engine import plan_here
from firstread.errors import UsageError
from firstread.progress import silent
from firstread.settings import Settings
from firstread.workflow.reading import ReadingProcesses, ReadRequest
from firstread.workflow.result_folder import load_result
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.waiting import wait_for
from tests.workflow.conftest import tell_ball_reader
from tests.workflow.samples import until


@pytest.fixture(scope="module")
def told(ball_reader, tmp_path_factory):
    """As the fixture of the room, for all tests here: they share a process as reads do."""
    with pytest.MonkeyPatch.context() as patch:
        yield tell_ball_reader(ball_reader, tmp_path_factory.mktemp("told"), patch)


@pytest.fixture(scope="module")
def shared(told, tmp_path_factory):
    made = ReadingProcesses(Settings(cache_dir=tmp_path_factory.mktemp("cache")))
    yield made
    made.close()


@pytest.fixture
def processes(shared, told):
    yield shared
    told("")


@pytest.fixture
def ask(tmp_path):
    """A function that returns a request; each has a result folder of its own."""
    folder = write(tmp_path / "in", ct_series(anatomy(12, 32)))
    numbers = iter(range(100))

    def request(**changes):
        values = {
            "files": tuple(str(path) for path in sorted(folder.iterdir())),
            "out": str(tmp_path / f"out{next(numbers)}"),
            "reader": "ball",
            "lang": "en",
            "study_uid": "1.2.826.0.1.3680043.8.498.7.1",
            "series_uid": None,
            "prior": None,
            "predecessor": None,
        }
        return ReadRequest(**(values | changes))

    return request


def read(processes, request, *, wanted=lambda: True, progress=silent, limit_s=120):
    return processes.read(request, wanted=wanted, progress=progress, limit_s=limit_s)


def out_of(request):
    return Path(request.out)


def children():
    """The reading processes of this one that live."""
    return [
        child
        for child in psutil.Process().children()
        if "firstread.workflow.reading_child" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE
    ]


def test_the_second_read_finds_the_process_of_the_first(processes, ask):
    stages = []
    first, second = ask(), ask(lang="zh")
    assert read(processes, first, progress=lambda stage, _: stages.append(stage)).verdict == "read"
    before = children()
    assert read(processes, second).verdict == "read"
    assert children() == before
    assert before[0].nice() == min(psutil.Process().nice() + 10, 19)  # receiving goes before reading
    assert before[0].rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert Path(f"/proc/{before[0].pid}/oom_score_adj").read_text() == "500\n"
    assert list(dict.fromkeys(stages))[:2] == ["open", "load"]
    assert load_result(out_of(first)).findings == load_result(out_of(second)).findings


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two instances need two cores")
def test_each_instance_reads_on_cores_of_its_own_and_the_next_process_has_its_place(ask):
    others = children()
    processes = ReadingProcesses(Settings(worker_instances=2))

    def cores():
        return sorted(tuple(child.cpu_affinity()) for child in children() if child not in others)

    try:
        assert processes.at_once == 2
        processes.prepare()
        assert read(processes, ask()).verdict == "read"
        placed = sorted(placement.processors for placement in plan_here(instances=2))
        wait_for(lambda: cores() == placed)
        assert not set(placed[0]) & set(placed[1])
        for child in children():
            if child not in others:
                child.kill()
                child.wait()
        assert read(processes, ask()).verdict == "read"
        (again,) = cores()
        assert again in placed
    finally:
        processes.close()


def test_more_instances_than_cores_are_refused():
    with pytest.raises(UsageError, match="instances cannot be had"):
        ReadingProcesses(Settings(worker_instances=64, threads=1))


def test_a_revision_names_the_report_before(processes, ask):
    first = ask()
    assert read(processes, first).verdict == "read"
    second = ask(predecessor=first.out, files=ask().files[:-1])
    assert read(processes, second).verdict == "read"
    former, latter = (dcmread(out_of(each) / "sr.dcm") for each in (first, second))
    (named,) = latter.PredecessorDocumentsSequence
    assert named.StudyInstanceUID == former.StudyInstanceUID
    (series,) = named.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == former.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == former.SOPInstanceUID
    assert load_result(out_of(second)).predecessor.sop_instance_uid == former.SOPInstanceUID
    assert former.SOPInstanceUID != latter.SOPInstanceUID


@pytest.mark.parametrize(
    ("word", "verdict", "why"),
    [
        ("refuse", "refused", "not safe to read"),
        ("fail", "failed", "Unexpected ZeroDivisionError"),
        ("die", "failed", "killed"),
    ],
)
def test_a_read_that_ends_badly_says_why_and_names_no_patient(processes, ask, told, word, verdict, why):
    told(word)
    request = ask()
    ended = read(processes, request)
    assert ended.verdict == verdict
    assert why in ended.error
    assert "Synthetic" not in ended.error
    assert not out_of(request).exists()


def test_a_reader_that_is_not_there_and_input_that_is_none_are_refused(processes, ask):
    assert read(processes, ask(reader="nobody")).verdict == "refused"
    assert read(processes, ask(files=())).verdict == "refused"


def test_a_read_that_takes_too_long_is_stopped(processes, ask, told):
    told("wait")
    ended = read(processes, ask(), limit_s=0.5)
    assert ended.verdict == "failed"
    assert "within 0.5 seconds" in ended.error
    assert children() == []


def test_a_read_that_is_not_wanted_any_more_is_stopped_at_once(processes, ask, told):
    told("wait")
    begun = threading.Event()
    ended = read(processes, ask(), progress=lambda *_: begun.set(), wanted=lambda: not begun.is_set())
    assert ended.verdict == "stopped"
    assert children() == []


def test_closing_stops_what_runs(ask, told):
    processes = ReadingProcesses(Settings())
    told("wait")
    ended = []
    begun = threading.Event()
    thread = threading.Thread(
        target=lambda: ended.append(read(processes, ask(), progress=lambda *_: begun.set()))
    )
    thread.start()
    assert begun.wait(60)
    processes.close()
    thread.join()
    assert ended[0].verdict == "stopped"
    assert read(processes, ask()).verdict == "stopped"
    told("")


def test_a_reading_process_ends_with_its_worker(told, ask, tmp_path):
    told("wait")
    request = tmp_path / "request.json"
    request.write_text(json.dumps(vars(ask())))
    code = (
        "import json, sys\n"
        "from firstread.settings import Settings\n"
        "from firstread.workflow.reading import ReadingProcesses, ReadRequest\n"
        f"request = ReadRequest(**json.load(open({str(request)!r})))\n"
        "ReadingProcesses(Settings()).read(request, wanted=lambda: True, limit_s=99,\n"
        "    progress=lambda *_: print('begun', flush=True))\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "begun\n"
    (child,) = psutil.Process(worker.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    told("")
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
