import pytest

from firstread.engine import AccuracyGate, Engine
from firstread.readers.lung_nodule.propose import CANDIDATE, DETECTOR, LUNGS, Networks
from tests.engine.tiny_network import conv_net, write_package

GATE = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)


@pytest.mark.parametrize("faster", ["f32", "int8"])
def test_detector_and_candidate_network_run_in_the_precision_in_which_they_were_measured_together(
    tmp_path, faster
):
    # The candidate network alone would choose the other precision, as the lungs' network does.
    slower = {"f32": "int8", "int8": "f32"}[faster]
    for name, slow in ((DETECTOR, slower), (CANDIDATE, faster), (LUNGS, faster)):
        f32, int8 = (conv_net(seed=1, work=2 if slow == each else 0) for each in ("f32", "int8"))
        write_package(tmp_path / "models" / name, model=f32, int8=int8, accuracy_gate=GATE)
    with Engine(cache_dir=tmp_path / "cache", models=[tmp_path / "models"], precision="auto") as engine:
        assert engine.network(CANDIDATE).precision == slower
        networks = Networks.of(engine)
    assert (networks.detector.precision, networks.candidate.precision) == (faster, faster)
    assert networks.lungs.precision == slower
