import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from firstread.engine import AccuracyGate, Engine, load_package
from firstread.errors import ModelPackageError, UsageError
from tests.engine.tiny_network import PATCH, conv_net, write_package

GATE = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)
SAMPLE = np.random.default_rng(3).uniform(-1000, 400, (1, 1, *PATCH)).astype(np.float32)


def blobs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "networks").glob("*.blob"))


def test_a_network_is_compiled_once_and_found_by_package_or_name(make_package):
    package = make_package()
    with Engine() as engine:
        network = engine.network("tiny")
        assert engine.network("tiny") is network
        assert engine.network(package) is network
        assert network.package == package


def test_folders_that_were_named_are_searched_before_those_of_the_settings(make_package, tmp_path):
    make_package()
    named = write_package(tmp_path / "named" / "tiny")
    assert Engine(models=[tmp_path / "named"]).network("tiny").package.folder == named.folder
    assert Engine(models=[tmp_path / "empty"]).network("tiny").package.folder == tmp_path / "models" / "tiny"


def test_the_use_of_a_network_names_package_digest_and_precision(make_package):
    package = make_package(int8=conv_net(seed=1), accuracy_gate=GATE)
    use = Engine(precision="f32").network(package).use
    assert use.model_dump() == {
        "name": "tiny",
        "version": "1.0.0",
        "digest": package.digest,
        "precision": "f32",
    }


@pytest.mark.parametrize(("slow", "taken"), [("f32", "int8"), ("int8", "f32")])
def test_auto_takes_the_precision_that_is_faster_here(make_package, slow, taken):
    models = {each: conv_net(seed=1, work=2 if each == slow else 0) for each in ("f32", "int8")}
    package = make_package(model=models["f32"], int8=models["int8"], accuracy_gate=GATE)
    engine = Engine(precision="auto")
    assert engine.choice(package) is None
    network = engine.network(package)
    assert network.precision == taken
    assert network.operating_point["threshold"] == {"f32": 0.5, "int8": 0.4}[taken]
    choice = engine.choice(package)
    assert choice.precision == taken
    assert choice.times_s[taken] < choice.times_s[slow]
    assert choice.threads == engine.threads


def test_auto_takes_the_only_precision_there_is_and_int8_never_without_its_gate(make_package):
    failed = GATE.model_copy(update={"passed": False})
    slow = conv_net(work=2)
    for name, more in {"one": {}, "failed": {"int8": conv_net(seed=1), "accuracy_gate": failed}}.items():
        package = make_package(name, model=slow, **more)
        assert Engine(precision="auto").network(package).precision == "f32"
        assert Engine().choice(package) is None


def test_an_engine_is_settled_where_taking_a_network_measures_nothing(make_package):
    make_package("one")
    make_package("two", int8=conv_net(seed=1), accuracy_gate=GATE)
    auto, f32 = Engine(precision="auto"), Engine(precision="f32")
    assert auto.settled("one") and f32.settled("two") and not auto.settled("two")
    auto.network("two")
    assert auto.settled("two")
    assert Engine(precision="auto").settled("two"), "another process finds it remembered"


def test_a_network_may_be_asked_for_in_the_precision_of_another(make_package):
    quick = {"model": conv_net(work=2), "int8": conv_net(seed=1), "accuracy_gate": GATE}
    slow = {"model": conv_net(), "int8": conv_net(seed=1, work=2), "accuracy_gate": GATE}
    engine = Engine()
    first = engine.network(make_package("first", **quick))
    assert first.precision == "int8"
    assert engine.network(make_package("second", **slow), alike=first).precision == "int8"
    assert engine.network(make_package("third"), alike=first).precision == "f32"


def test_int8_that_is_asked_for_and_not_there_is_refused(make_package):
    failed = GATE.model_copy(update={"passed": False})
    package = make_package(int8=conv_net(seed=1), accuracy_gate=failed)
    with pytest.raises(ModelPackageError, match="tiny has no int8") as refused:
        Engine(precision="int8").network(package)
    assert "auto" in refused.value.remedy


def test_arguments_come_before_settings_and_settings_before_the_host(monkeypatch):
    assert Engine().granted.limit != "threads setting"
    monkeypatch.setenv("FIRSTREAD_THREADS", "3")
    monkeypatch.setenv("FIRSTREAD_PRECISION", "f32")
    assert (Engine().threads, Engine().precision) == (3, "f32")
    assert (Engine(threads=1).threads, Engine(precision="auto").precision) == (1, "auto")
    monkeypatch.setenv("FIRSTREAD_THREADS", "none")
    with pytest.raises(UsageError, match="threads"):
        Engine()


def test_the_second_process_takes_the_compiled_network_from_the_cache(make_package, tmp_path, monkeypatch):
    package = make_package()
    expected = Engine().network(package).infer(SAMPLE)
    assert len(blobs(tmp_path)) == 1
    monkeypatch.setattr("firstread.engine.engine.read_graph", None)  # compiling would need it
    found = Engine().network(package).infer(SAMPLE)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_another_package_is_never_taken_from_the_cache(make_package, tmp_path):
    first = Engine().network(make_package("first")).infer(SAMPLE)["fine"]
    second = Engine().network(make_package("second", model=conv_net(seed=8))).infer(SAMPLE)["fine"]
    assert np.abs(first - second).max() > 0.01
    assert len(blobs(tmp_path)) == 2


@pytest.mark.parametrize("damage", [b"", b"firstread compiled network 1\n", b"\0" * 5000])
def test_a_damaged_cache_costs_only_time(make_package, tmp_path, damage):
    package = make_package()
    expected = Engine().network(package).infer(SAMPLE)["fine"]
    (blob,) = blobs(tmp_path)
    whole = blob.read_bytes()
    blob.write_bytes(damage)
    np.testing.assert_array_equal(Engine().network(package).infer(SAMPLE)["fine"], expected)
    assert len(blob.read_bytes()) == len(whole)


def test_an_entry_that_openvino_cannot_read_costs_only_time(make_package, tmp_path):
    package = make_package()
    engine = Engine()
    expected = engine.network(package).infer(SAMPLE)["fine"]
    keys = []
    engine._cache.load = keys.append  # type: ignore[method-assign,assignment]
    engine.close()
    engine.network(package)
    Engine()._cache.store(keys[0], b"whole, but of another kind")
    np.testing.assert_array_equal(Engine().network(package).infer(SAMPLE)["fine"], expected)


def test_a_cache_that_cannot_be_written_costs_only_time(make_package, tmp_path):
    (tmp_path / "file").write_text("in the way")
    engine = Engine(cache_dir=tmp_path / "file")
    assert engine.network(make_package()).infer(SAMPLE)["fine"].shape == (1, 2, *PATCH)


def _read(
    folder: str, out: "multiprocessing.Queue[bytes]", start: "multiprocessing.synchronize.Barrier"
) -> None:
    start.wait(60)
    out.put(Engine().network(load_package(Path(folder))).infer(SAMPLE)["fine"].tobytes())


def test_processes_that_start_together_share_one_cache(make_package, tmp_path):
    package = make_package()
    context = multiprocessing.get_context("spawn")
    out, start = context.Queue(), context.Barrier(2)
    workers = [context.Process(target=_read, args=(str(package.folder), out, start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = {out.get(timeout=100) for _ in workers}
    for worker in workers:
        worker.join(60)
    assert found == {Engine().network(package).infer(SAMPLE)["fine"].tobytes()}
    assert len(blobs(tmp_path)) == 1
    assert list((tmp_path / "cache" / "networks").glob(".*")) == []


def test_two_engines_and_threads_of_one_engine_run_at_once(make_package):
    package = make_package()
    one, two = Engine(threads=1), Engine(threads=2)
    expected = one.network(package).infer(SAMPLE)["fine"]
    found = []

    def work(engine: Engine) -> None:
        network = engine.network(package)
        found.extend(output["fine"] for output in network.infer_many([SAMPLE] * 5))

    threads = [threading.Thread(target=work, args=(engine,)) for engine in (one, one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 15
    for array in found:
        np.testing.assert_allclose(array, expected, atol=1e-5)


def test_neither_the_import_nor_a_run_brings_torch_and_the_import_not_even_openvino(make_package):
    code = (
        "import sys, pathlib, numpy as np\n"
        "from firstread.engine import Engine, load_package, run_tiled\n"
        "engine = Engine(); package = load_package(pathlib.Path(sys.argv[1]))\n"
        "assert 'openvino' not in sys.modules\n"
        "run_tiled(engine.network(package), np.zeros((40, 40, 40), np.int16), halo=8)\n"
        "assert 'openvino' in sys.modules\n"
        "wrong = {'torch', 'nncf', 'onnx', 'tensorflow'} & set(sys.modules)\n"
        "assert not wrong, wrong\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(make_package().folder)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
