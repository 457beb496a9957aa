import numpy as np
import pytest

from firstread.engine import Engine, find_package

torch = pytest.importorskip("torch", reason="PyTorch comes with the extras train, convert and bench only")
rebuilding = pytest.importorskip("training.lung_nodule.rebuilt")

PACKAGES = ("lung_nodule_lungs", "lung_nodule_detector", "lung_nodule_candidate")


@pytest.mark.parametrize("name", PACKAGES)
def test_the_rebuilt_network_answers_as_openvino_does(name):
    package = find_package(name)
    hu = (
        np.random.default_rng(0).uniform(-1100, 500, (1, 1, *package.manifest.input.patch)).astype(np.float32)
    )
    with torch.inference_mode():
        eager = rebuilding.rebuilt(package)(torch.from_numpy(hu))
    with Engine(precision="f32", threads=1) as engine:
        shipped = engine.network(package).infer(hu)
    assert set(eager) == set(shipped)
    for output, values in shipped.items():
        np.testing.assert_allclose(eager[output].numpy(), values, atol=1e-3)


def test_batch_norm_is_left_to_be_run_by_eager_pytorch():
    network = rebuilding.rebuilt(find_package("lung_nodule_candidate"))
    norms = [
        module
        for path, module in network.named_modules()
        if isinstance(module, torch.nn.BatchNorm3d) and not path.startswith(rebuilding.ONLY_IN_TRAINING)
    ]
    assert norms
    for norm in norms:
        assert torch.allclose(norm.running_var + norm.eps, torch.ones(norm.num_features))
        assert norm.bias.abs().max() > 0


def test_a_network_whose_layers_are_others_is_refused(monkeypatch):
    monkeypatch.setitem(rebuilding.NETWORKS, "candidate", rebuilding.LungNetwork)
    with pytest.raises(ValueError, match="has a layer stem"):
        rebuilding.rebuilt(find_package("lung_nodule_candidate"))


def test_weights_of_another_width_are_refused(monkeypatch):
    narrow = lambda: rebuilding.CandidateNetwork((8, 20, 48, 96))  # noqa: E731
    monkeypatch.setitem(rebuilding.NETWORKS, "candidate", narrow)
    with pytest.raises(ValueError, match="shape"):
        rebuilding.rebuilt(find_package("lung_nodule_candidate"))
