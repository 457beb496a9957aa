from collections.abc import Iterator

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstread.engine import Engine, plan_tiles, run_tiled
from firstread.errors import Cancelled
from tests.engine.tiny_network import CHANNELS, PATCH, RECEPTIVE_FIELD, STRIDE, conv_net

lengths = st.integers(1, 60)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    shape=st.tuples(lengths, lengths, lengths),
    halo=st.integers(0, 7),
    multiple=st.sampled_from([1, 2, 4, (2, 4, 8)]),
    seed=st.integers(0, 2**16) | st.none(),
)
def test_every_voxel_is_decided_by_exactly_one_tile_that_sees_a_halo_around_it(shape, halo, multiple, seed):
    tile = (24, 20, 32)
    inside = None
    if seed is not None:
        rng = np.random.default_rng(seed)
        inside = np.zeros(shape, bool)
        for _ in range(rng.integers(0, 4)):
            inside[tuple(rng.integers(0, n) for n in shape)] = True
    decided = np.zeros(shape, int)
    steps = multiple if isinstance(multiple, tuple) else (multiple,) * 3
    for placed in plan_tiles(shape, tile=tile, halo=halo, inside=inside, multiple=multiple):
        decided[tuple(slice(a, b) for a, b in placed.core)] += 1
        for (a, b), start, length, size, step in zip(
            placed.core, placed.start, tile, shape, steps, strict=True
        ):
            assert start >= 0
            assert start % step == a % step == b % step == 0
            assert a - start >= halo or start == 0
            assert start + length - b >= halo or start + length >= size
            assert start <= a < b <= start + length
    assert decided.max() <= 1
    assert (decided == 1).all() if inside is None else decided[inside].all()


def test_tiles_follow_the_part_that_is_wanted():
    inside = np.zeros((200, 200, 200), bool)
    inside[10:30, 150:180, 20:50] = True
    assert len(plan_tiles(inside.shape, tile=(64, 64, 64), halo=8, inside=inside)) == 1
    assert len(plan_tiles(inside.shape, tile=(64, 64, 64), halo=8)) == 64
    assert plan_tiles(inside.shape, tile=(64, 64, 64), halo=8, inside=np.zeros_like(inside)) == ()


def test_a_halo_that_leaves_no_core_is_refused():
    with pytest.raises(ValueError, match="leaves no core"):
        plan_tiles((10, 10, 10), tile=(16, 16, 16), halo=8)


def whole(volume: np.ndarray) -> Iterator[np.ndarray]:
    """Run the net of the tests on the whole volume, padded to the stride."""
    padded = np.pad(volume, [(0, -n % STRIDE) for n in volume.shape], constant_values=-1000)
    request = openvino.compile_model(
        conv_net(padded.shape, batch=1), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    ).create_infer_request()
    request.infer([padded[None, None].astype(np.float32)])
    return (request.get_tensor(name).data[0] for name in ("fine", "coarse"))


def test_a_tiled_run_equals_the_run_over_the_whole_volume(make_package, volume):
    fine, coarse = whole(volume)
    with Engine(threads=2) as engine:
        found = run_tiled(engine.network(make_package()), volume, halo=RECEPTIVE_FIELD)
    assert found["fine"].shape == (CHANNELS, *volume.shape)
    assert found["coarse"].shape == (3, 14, 18, 11)
    z, y, x = volume.shape
    np.testing.assert_allclose(found["fine"], fine[:, :z, :y, :x], atol=1e-4)
    np.testing.assert_allclose(found["coarse"], coarse, atol=1e-4)
    assert np.ptp(found["fine"]) > 0.1


def test_tiles_of_any_size_give_what_the_whole_volume_gives(make_package, volume):
    fine, coarse = whole(volume)
    network = Engine(threads=2).network(make_package(patch=(16, 16, 16), multiple=(4, 4, 4)))
    found = run_tiled(network, volume, halo=RECEPTIVE_FIELD)
    z, y, x = volume.shape
    np.testing.assert_allclose(found["fine"], fine[:, :z, :y, :x], atol=1e-4)
    np.testing.assert_allclose(found["coarse"], coarse, atol=1e-4)


def test_a_halo_smaller_than_the_receptive_field_leaves_seams(make_package, volume):
    """The test above would not notice seams that cannot arise."""
    fine, _ = whole(volume)
    found = run_tiled(Engine().network(make_package()), volume, halo=0, outputs={"fine": 1})
    z, y, x = volume.shape
    assert np.abs(found["fine"] - fine[:, :z, :y, :x]).max() > 1e-2


def test_results_hold_the_fill_value_where_no_tile_ran(make_package, volume):
    network = Engine().network(make_package())
    inside = np.zeros(volume.shape, bool)
    inside[5, 60:66, 5] = True
    found = run_tiled(network, volume, halo=12, inside=inside, fill={"fine": -7.0, "coarse": 9.0})
    everywhere = run_tiled(network, volume, halo=12)
    np.testing.assert_allclose(found["fine"][:, inside], everywhere["fine"][:, inside], atol=1e-4)
    assert (found["fine"][:, 20:] == -7).all()
    assert (found["coarse"][:, 5:] == 9).all()
    nothing = run_tiled(network, volume, halo=12, inside=np.zeros_like(inside), fill=-1)
    assert (nothing["fine"] == -1).all() and nothing["coarse"].shape == everywhere["coarse"].shape


def test_a_volume_smaller_than_a_tile_is_padded_with_air(make_package):
    volume = np.full((5, 9, 30), 40, np.int16)
    padded = np.full(PATCH, -1000, np.float32)
    padded[:5, :9, :30] = 40
    network = Engine().network(make_package())
    expected = network.infer(padded[None, None])["fine"][0][:, :5, :9, :30]
    np.testing.assert_array_equal(run_tiled(network, volume, halo=4)["fine"], expected)


def test_only_what_is_kept_of_a_core_takes_memory(make_package, volume):
    network = Engine().network(make_package())
    label = {"fine": lambda core: core.argmax(0, keepdims=True).astype(np.uint8)}
    found = run_tiled(network, volume, halo=12, outputs={"fine": 1}, keep=label)
    assert found["fine"].dtype == np.uint8 and found["fine"].shape == (1, *volume.shape)
    full = run_tiled(network, volume, halo=12, outputs={"fine": 1})
    np.testing.assert_array_equal(found["fine"][0], full["fine"].argmax(0))


def test_the_same_volume_gives_the_same_bits_in_every_engine(make_package, volume):
    package = make_package(batch=2)
    runs = [run_tiled(Engine(threads=2).network(package), volume, halo=12) for _ in range(2)]
    np.testing.assert_array_equal(runs[0]["fine"], runs[1]["fine"])
    np.testing.assert_array_equal(runs[0]["coarse"], runs[1]["coarse"])


def test_batches_of_any_size_give_the_same_tiles(make_package, volume):
    one = run_tiled(Engine().network(make_package("one")), volume, halo=12)
    five = run_tiled(Engine().network(make_package("five", batch=5)), volume, halo=12)
    np.testing.assert_allclose(one["fine"], five["fine"], atol=1e-5)


def test_progress_rises_to_one_and_can_cancel(make_package, volume):
    network = Engine().network(make_package())
    told = []
    run_tiled(network, volume, halo=12, stage="segment", progress=lambda *step: told.append(step))
    assert {stage for stage, _ in told} == {"segment"}
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1 and len(shares) > 5

    def stop(stage: str, share: float) -> None:
        if share > 0:
            raise Cancelled("stopped by the caller")

    with pytest.raises(Cancelled):
        run_tiled(network, volume, halo=12, progress=stop)
    again = run_tiled(network, volume, halo=12)
    np.testing.assert_array_equal(again["fine"], run_tiled(network, volume, halo=12)["fine"])


def test_an_output_the_package_does_not_have_is_refused(make_package, volume):
    network = Engine().network(make_package())
    for wrong in ({"fine": 2}, {"nodules": 1}, {"score": 0}):
        with pytest.raises(ValueError, match="has no output"):
            run_tiled(network, volume, halo=12, outputs=wrong)
