import numpy as np
import pytest

from firstread.engine import Engine, find_package

torch = pytest.importorskip("torch", reason="PyTorch comes with the extras train, convert and bench only")

from benchmarks.engines.pytorch import Eager, Pinned, cores_granted  # noqa: E402
from benchmarks.engines.same_windows import SameWindows  # noqa: E402


@pytest.fixture(scope="module")
def package():
    return find_package("lung_nodule_candidate")


@pytest.fixture(scope="module")
def cubes(package):
    rng = np.random.default_rng(0)
    hu = rng.uniform(-1100, 500, (3, 1, *package.manifest.input.patch)).astype(np.float32)
    return torch.from_numpy(hu)


@pytest.mark.parametrize("variant", ["as defined", "batch norm folded", "batch norm folded, channels last"])
def test_every_variant_answers_as_eager_pytorch_does(package, cubes, variant):
    eager = [Eager(package)(cube)["nodule"].item() for cube in cubes.split(1)]
    pinned = Pinned(package, variant=variant)
    assert [
        a["nodule"].item() for a in pinned.each([lambda c=c: c for c in cubes.split(1)])
    ] == pytest.approx(eager, abs=1e-3)
    few = cubes[: pinned.at_once]
    assert pinned(few)["nodule"].flatten().tolist() == pytest.approx(eager[: len(few)], abs=1e-3)


def test_openvino_takes_pytorchs_place(package, cubes):
    with Engine(precision="f32", threads=1) as engine:
        exchanged = SameWindows(engine.network(package))
        assert exchanged(cubes[:1])["nodule"].item() == pytest.approx(
            Eager(package)(cubes[:1])["nodule"].item(), abs=1e-3
        )


def test_a_variant_that_does_not_run_here_is_left_out_and_says_why(package, monkeypatch):
    def fail(network):
        raise RuntimeError("no C++ compiler")

    variants = {"as defined": lambda network: network, "compiled": fail}
    monkeypatch.setattr("benchmarks.engines.pytorch.VARIANTS", variants)
    pinned = Pinned(package)
    assert pinned.variant == "as defined"
    assert "no C++ compiler" in pinned.tried["compiled"]


def test_two_threads_of_one_core_are_one_instance(tmp_path):
    cpus = tmp_path / "sys/devices/system/cpu"
    for number, siblings in enumerate(("0-1", "0-1", "2-3", "2-3")):
        (cpus / f"cpu{number}/topology").mkdir(parents=True)
        (cpus / f"cpu{number}/topology/core_cpus_list").write_text(siblings + "\n")
    (cpus / "online").write_text("0-3\n")
    assert cores_granted(tmp_path) == [0, 2]
    assert cores_granted(tmp_path, threads=1) == [0]
