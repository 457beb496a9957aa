import pytest

from firstread.engine import AccuracyGate, cpu
from firstread.engine.bench import Bench, bench_package, combinations
from tests.engine.tiny_network import conv_net

GATE = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)
TWO = cpu.Granted(threads=2, limit="host", quota=None, affinity=2)


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        (1, {(1, 1)}),
        (2, {(1, 1), (1, 2), (2, 2)}),
        (6, {(1, 1), (1, 2), (2, 2), (1, 4), (2, 4), (4, 4), (1, 6), (2, 6), (4, 6), (6, 6)}),
    ],
)
def test_streams_and_threads_double_up_to_the_limit_and_streams_never_outnumber_threads(threads, expected):
    found = combinations(threads)
    assert set(found) == expected
    assert len(found) == len(expected)


def test_each_precision_is_timed_on_each_combination(make_package):
    package = make_package(int8=conv_net(seed=1), accuracy_gate=GATE, batch=2)
    told = []
    bench = bench_package(package, granted=TWO, seconds=0.0, progress=lambda stage, share: told.append(share))
    assert [(one.precision, one.streams, one.threads) for one in bench.measured] == [
        (precision, streams, threads)
        for precision in ("f32", "int8")
        for streams, threads in ((1, 1), (1, 2), (2, 2))
    ]
    for one in bench.measured:
        assert 0 < one.latency_s <= one.latency_p90_s
        assert one.loaded_latency_s > 0
        # Streams work at once, so that tiles a second times the time of one cannot exceed what is in flight.
        assert 0 < one.throughput * one.loaded_latency_s <= 1.5 * bench.batch * (one.streams + 1)
    assert (bench.batch, bench.patch, bench.digest) == (2, (32, 32, 32), package.digest)
    assert told == [number / 6 for number in range(7)]
    assert Bench.model_validate_json(bench.model_dump_json()) == bench
    assert bench.as_read("int8") == bench.measured[4]


def test_no_more_threads_than_granted_are_used(make_package):
    bench = bench_package(make_package(), granted=TWO, threads=1, seconds=0.0)
    assert [(one.streams, one.threads) for one in bench.measured] == [(1, 1)]
    with pytest.raises(ValueError, match="more than the 2"):
        bench_package(make_package("other"), granted=TWO, threads=3)
