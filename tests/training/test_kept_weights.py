"""Weights that are kept give the same answers as those that were trained."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("safetensors", reason="training needs the extra `train`")

from training.lung_nodule.kept_weights import keep, read  # noqa: E402
from training.lung_nodule.networks import CandidateNetwork  # noqa: E402


def test_a_network_from_kept_weights_answers_as_the_trained_one(tmp_path):
    torch.manual_seed(0)
    network = CandidateNetwork()
    network(torch.randn(2, 1, 40, 40, 40) * 300 - 500)  # fills the statistics of batch norm
    (tmp_path / "candidate-a").mkdir()
    source = tmp_path / "candidate-a" / "weights.pt"
    torch.save(network.state_dict(), source)
    path = keep(source, tmp_path / "kept")
    assert path.name == "candidate-a.safetensors"
    assert path.stat().st_size < 0.6 * source.stat().st_size
    again = CandidateNetwork().eval()
    again.load_state_dict(read(path))
    hu = torch.randn(1, 1, 40, 40, 40) * 300 - 500
    with torch.no_grad():
        expected, found = network.eval()(hu)["nodule"], again(hu)["nodule"]
    assert found == pytest.approx(expected, abs=5e-3)
    assert next(again.parameters()).dtype == torch.float32
    assert set(read(source)) == set(read(path))
