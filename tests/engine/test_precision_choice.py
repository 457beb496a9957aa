import json
import multiprocessing
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firstread.engine import AccuracyGate, Engine, cpu, load_package
from firstread.engine.precision_choice import PrecisionChoice, PrecisionChoices
from tests.engine.tiny_network import conv_net

GATE = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)
INT8_FASTER = {"f32": 0.085, "int8": 0.045}
F32_FASTER = {"f32": 0.045, "int8": 0.085}


@pytest.fixture
def package(make_package):
    return make_package(int8=conv_net(seed=1), accuracy_gate=GATE)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "precision"


def measured(package, times):
    """A measurement that counts how often it is made."""
    calls = []

    def measure():
        calls.append(1)
        return PrecisionChoice.of(package, times, threads=2)

    return measure, calls


def files(folder):
    return sorted(folder.glob("*.json"))


@pytest.mark.parametrize(
    ("times", "taken"), [(INT8_FASTER, "int8"), (F32_FASTER, "f32"), ({"int8": 0.05, "f32": 0.05}, "f32")]
)
def test_the_fastest_is_taken_and_of_equal_ones_the_more_exact(package, folder, times, taken):
    measure, _ = measured(package, times)
    assert PrecisionChoices(folder).choose(package, measure) == taken


def test_it_is_measured_once_and_stays_in_later_processes(package, folder):
    measure, calls = measured(package, INT8_FASTER)
    other, others = measured(package, F32_FASTER)
    assert PrecisionChoices(folder).choose(package, measure) == "int8"
    assert PrecisionChoices(folder).choose(package, other) == "int8"
    assert (len(calls), len(others)) == (1, 0)


def test_it_tells_the_times_and_when_they_were_measured(package, folder):
    choice = PrecisionChoice(
        digest=package.digest,
        processor="Example CPU",
        features=("AVX2",),
        threads=2,
        times_s=INT8_FASTER,
        measured_at=datetime(2025, 11, 3, 9, 5, tzinfo=UTC),
    )
    assert str(choice) == "int8 45.0 ms, f32 85.0 ms on 2 threads, measured 2025-11-03 09:05 UTC"


def test_another_package_or_another_processor_is_measured_anew(package, make_package, folder, monkeypatch):
    PrecisionChoices(folder).choose(package, measured(package, INT8_FASTER)[0])
    other = make_package("other", int8=conv_net(seed=2), accuracy_gate=GATE)
    assert PrecisionChoices(folder).remembered(other) is None
    host = cpu.Processor(model="Other CPU", features=("AVX2",), logical=2, physical=2, numa_nodes=1)
    monkeypatch.setattr(cpu, "processor", lambda: host)
    assert PrecisionChoices(folder).remembered(package) is None
    assert PrecisionChoices(folder).choose(package, measured(package, F32_FASTER)[0]) == "f32"
    monkeypatch.undo()
    assert PrecisionChoices(folder).remembered(package).precision == "int8"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "\0" * 100,
        lambda text: text.replace('"int8"', '"int4"'),
        lambda text: text.replace("0.045", "-0.045"),
        lambda text: text.replace('"digest": "', '"digest": "f'),
        lambda text: json.dumps(json.loads(text) | {"digest": "0" * 64}),
        lambda text: json.dumps(json.loads(text) | {"processor": "Other CPU"}),
    ],
)
def test_a_damaged_file_is_measured_again(package, folder, damage):
    PrecisionChoices(folder).choose(package, measured(package, INT8_FASTER)[0])
    (path,) = files(folder)
    whole = path.read_text()
    path.write_text(damage(whole))
    measure, calls = measured(package, INT8_FASTER)
    assert PrecisionChoices(folder).choose(package, measure) == "int8"
    assert len(calls) == 1
    assert PrecisionChoice.model_validate_json(path.read_text()).times_s == INT8_FASTER


@pytest.mark.parametrize(("features", "taken"), [(("AVX-512 VNNI",), "int8"), (("AVX2",), "f32")])
def test_where_nothing_can_be_kept_the_processor_decides_so_that_reads_agree(
    package, tmp_path, monkeypatch, features, taken
):
    (tmp_path / "file").write_text("in the way")
    host = cpu.Processor(model="CPU", features=features, logical=2, physical=2, numa_nodes=1)
    monkeypatch.setattr(cpu, "processor", lambda: host)
    measure, calls = measured(package, F32_FASTER)
    assert PrecisionChoices(tmp_path / "file" / "precision").choose(package, measure) == taken
    assert calls == []


def test_those_who_come_together_wait_for_one_measurement(package, folder):
    measure, calls = measured(package, INT8_FASTER)
    together, taken = threading.Barrier(4), []

    def work():
        choices = PrecisionChoices(folder)  # as each process has one of its own
        together.wait(30)
        taken.append(choices.choose(package, measure))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert taken == ["int8"] * 4
    assert len(calls) == 1


def _choose(
    folder: str, out: "multiprocessing.Queue[str]", start: "multiprocessing.synchronize.Barrier"
) -> None:
    start.wait(60)
    engine = Engine()
    package = load_package(Path(folder))
    out.put(f"{engine.network(package).precision} {engine.choice(package)}")


def test_processes_that_start_together_agree(package, folder):
    context = multiprocessing.get_context("spawn")
    out, start = context.Queue(), context.Barrier(2)
    workers = [context.Process(target=_choose, args=(str(package.folder), out, start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = {out.get(timeout=100) for _ in workers}
    for worker in workers:
        worker.join(60)
    assert len(found) == 1
    assert len(files(folder)) == 1
    assert list(folder.glob(".*")) == []
