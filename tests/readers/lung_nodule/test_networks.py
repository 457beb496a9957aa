import pytest

from firstread.engine import Engine
from firstread.readers.lung_nodule.propose import Networks


@pytest.mark.parametrize("faster", ["f32", "int8"])
def test_detector_and_candidate_network_run_in_the_precision_in_which_they_were_measured_together(
    monkeypatch, tmp_path, faster
):
    def times(networks, sample):
        # The candidate network, of small patches, would choose the other precision.
        detector = sample.shape[-1] > 100
        quick = faster if detector else {"f32": "int8", "int8": "f32"}[faster]
        return {precision: 0.01 if precision == quick else 0.02 for precision in networks}

    monkeypatch.setattr("firstread.engine.engine.least_times", times)
    with Engine(cache_dir=tmp_path) as engine:
        networks = Networks.of(engine)
    assert (networks.detector.precision, networks.candidate.precision) == (faster, faster)
    assert networks.lungs.precision == "f32"
