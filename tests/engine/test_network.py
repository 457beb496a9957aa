import numpy as np
import openvino
import pytest

from firstread.engine import Engine
from firstread.errors import Cancelled
from tests.engine.tiny_network import PATCH


@pytest.fixture
def samples() -> np.ndarray:
    return np.random.default_rng(5).uniform(-1000, 400, (7, 1, *PATCH)).astype(np.float32)


def test_outputs_have_the_names_and_shapes_of_the_manifest(make_package, samples):
    found = Engine().network(make_package()).infer(samples)
    assert {name: array.shape for name, array in found.items()} == {
        "fine": (7, 2, 32, 32, 32),
        "coarse": (7, 3, 8, 8, 8),
        "score": (7, 2),
    }


@pytest.mark.parametrize("batch", [1, 3, 7, 10])
def test_any_number_of_samples_runs_in_batches_of_the_package(make_package, samples, batch):
    one = Engine().network(make_package("one"))
    network = Engine().network(make_package("several", batch=batch))
    expected = np.concatenate([one.infer(sample[None])["score"] for sample in samples])
    np.testing.assert_allclose(network.infer(samples)["score"], expected, atol=1e-6)
    items = [samples[:2], samples[2:3], samples[3:]]
    found = [output["score"] for output in network.infer_many(items)]
    assert [len(score) for score in found] == [2, 1, 4]
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-6)


def test_results_come_in_order_and_belong_to_the_caller(make_package, samples):
    network = Engine().network(make_package())
    kept = [output["fine"] for output in network.infer_many(sample[None] for sample in samples)]
    for sample, output in zip(samples, kept, strict=True):
        np.testing.assert_array_equal(network.infer(sample[None])["fine"], output)


def test_only_a_few_items_are_taken_ahead_of_the_results(make_package, samples):
    network = Engine().network(make_package())
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield samples[:1]

    results = network.infer_many(items())
    for done in range(1, 6):
        next(results)
        assert len(taken) <= done + 4
    results.close()
    assert len(taken) < 12


def test_integers_are_taken_as_hounsfield_units(make_package, samples):
    network = Engine().network(make_package())
    whole = samples.round()
    np.testing.assert_array_equal(network.infer(whole.astype(np.int16))["fine"], network.infer(whole)["fine"])


@pytest.mark.parametrize(
    "shape", [(32, 32, 32), (1, 32, 32, 32), (1, 2, 32, 32, 32), (1, 1, 31, 32, 32), (0, 1, 32, 32, 32)]
)
def test_a_sample_of_another_shape_is_refused(make_package, shape):
    network = Engine().network(make_package())
    with pytest.raises(ValueError, match="tiny takes"):
        network.infer(np.zeros(shape, np.float32))


def has_ended(request: openvino.InferRequest) -> bool:
    try:
        return request.wait_for(0)
    except RuntimeError as error:
        return "canceled" in str(error)


@pytest.mark.parametrize("where", ["items", "results"])
def test_an_exception_leaves_nothing_running_and_the_network_usable(make_package, samples, where):
    network = Engine().network(make_package())
    requests = []
    take = network._take
    network._take = lambda: requests.append(take()) or requests[-1]  # type: ignore[method-assign]

    def items():
        for number, sample in enumerate(samples):
            if where == "items" and number == 4:
                raise Cancelled("stopped by the caller")
            yield sample[None]

    with pytest.raises(Cancelled):
        results = network.infer_many(items())
        try:
            for number, _ in enumerate(results):
                if where == "results" and number == 2:
                    raise Cancelled("stopped by the caller")
        finally:
            results.close()
    assert requests
    assert all(has_ended(request) for request in requests)
    assert len(set(map(id, network._idle))) == len(network._idle) <= network._at_once
    assert network.infer(samples)["score"].shape == (7, 2)


def test_no_items_give_no_results(make_package):
    assert list(Engine().network(make_package()).infer_many([])) == []
