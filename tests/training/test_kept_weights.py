"""Weights that are kept give the same answers as those that were trained; two sets of them are averaged."""

import sys

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("safetensors", reason="training needs the extra `train`")

from training.lung_nodule import mean_weights  # noqa: E402
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


def test_the_mean_of_two_sets_of_weights_lies_halfway(tmp_path, monkeypatch):
    before = CandidateNetwork().state_dict()
    after = {name: w + 2 if name.endswith("head.weight") else w for name, w in before.items()}
    torch.save(before, tmp_path / "before.pt")
    torch.save(after, tmp_path / "after.pt")
    asked = [
        "mean_weights",
        *(str(tmp_path / f"{n}.pt") for n in ("before", "after")),
        "--out",
        str(tmp_path / "out"),
    ]
    monkeypatch.setattr(sys, "argv", asked)
    mean_weights.main()
    found = read(tmp_path / "out" / "weights.pt")
    assert torch.allclose(found["head.weight"], before["head.weight"] + 1)
    assert torch.equal(found["stem.0.weight"], before["stem.0.weight"])
    CandidateNetwork().load_state_dict(found)


def test_weights_of_other_statistics_are_not_averaged():
    before = CandidateNetwork().state_dict()
    after = {name: w + 1 if name.endswith("running_mean") else w for name, w in before.items()}
    with pytest.raises(ValueError, match="fixed-norm"):
        mean_weights.mean(before, after)
