import os
import subprocess
import sys

import pytest

from firstread.engine import cpu
from tests.engine.recorded_hosts import host, v1, v2, write


def all_of(cores: int) -> frozenset[int]:
    return frozenset(range(cores))


def test_a_host_without_limits_grants_its_cores(tmp_path):
    root = v2(host(tmp_path, cores=8), limits={"cpu.max": "max 100000"})
    assert cpu.granted(root, affinity=all_of(8)) == cpu.Granted(
        threads=8, limit="host", quota=None, affinity=8
    )


def test_two_hyper_threads_of_a_core_count_once(tmp_path):
    root = host(tmp_path, cores=4, threads_per_core=2)
    assert cpu.granted(root, affinity=all_of(8)).threads == 4
    assert cpu.granted(root, affinity=frozenset({0, 4})).threads == 1
    assert cpu.granted(root, affinity=frozenset({0, 1})).threads == 2
    described = cpu.processor(root)
    assert (described.logical, described.physical) == (8, 4)


def test_affinity_limits(tmp_path):
    granted = cpu.granted(host(tmp_path, cores=16), affinity=frozenset({3, 5, 7}))
    assert (granted.threads, granted.limit) == (3, "affinity")


@pytest.mark.parametrize(
    ("limit", "threads"),
    [
        ("200000 100000", 2),
        ("350000 100000", 3),
        ("50000 100000", 1),
        ("1000 100000", 1),
        ("150000 50000", 3),
    ],
)
def test_a_quota_of_cgroup_v2_limits_and_part_of_a_processor_counts_as_one(tmp_path, limit, threads):
    root = v2(host(tmp_path, cores=64), limits={"cpu.max": limit})
    granted = cpu.granted(root, affinity=all_of(64))
    assert (granted.threads, granted.limit) == (threads, "cgroup quota")


def test_the_tightest_of_nested_groups_binds(tmp_path):
    limits = {"cpu.max": "max 100000", "pod/cpu.max": "400000 100000", "pod/app/cpu.max": "600000 100000"}
    root = v2(host(tmp_path, cores=64), path="/pod/app", limits=limits)
    assert cpu.granted(root, affinity=all_of(64)).threads == 4
    assert cpu.cpu_quota(root) == 4.0


def test_a_quota_of_cgroup_v1_limits_and_minus_one_does_not(tmp_path):
    limits = {
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/job/cpu.cfs_quota_us": "250000",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
    }
    root = v1(host(tmp_path / "a", cores=8), path="/job", limits=limits)
    assert cpu.granted(root, affinity=all_of(8)).threads == 2
    root = v1(host(tmp_path / "b", cores=8), path="/", limits=limits)
    assert cpu.granted(root, affinity=all_of(8)).threads == 8


@pytest.mark.parametrize(
    ("path", "mount_root"),
    [("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/../../elsewhere", "/"), ("/", "/docker/abc")],
)
def test_a_container_finds_its_own_group_wherever_the_mount_begins(tmp_path, path, mount_root):
    limits = {"cpu.max": "300000 100000"}
    if (path, mount_root) == ("/docker/abc", "/"):
        limits = {"docker/abc/cpu.max": "300000 100000"}
    root = v2(host(tmp_path, cores=8), path=path, mount_root=mount_root, limits=limits)
    assert cpu.granted(root, affinity=all_of(8)).threads == 3


def test_the_users_number_is_taken_as_it_is(tmp_path):
    root = v2(host(tmp_path, cores=8), limits={"cpu.max": "100000 100000"})
    granted = cpu.granted(root, affinity=all_of(8), override=6)
    assert (granted.threads, granted.limit) == (6, "threads setting")


@pytest.mark.parametrize("text", ["", "max", "nonsense 100000", "100000", "100000 0", "-5 100000", "1 2 3"])
def test_a_limit_that_cannot_be_understood_is_no_limit(tmp_path, text):
    root = v2(host(tmp_path, cores=8), limits={"cpu.max": text})
    assert cpu.granted(root, affinity=all_of(8)).threads == 8


def test_a_tree_with_nothing_in_it_still_grants_a_thread(tmp_path):
    assert cpu.granted(tmp_path, affinity=frozenset({0})).threads == 1
    assert cpu.processor(tmp_path).model == "unknown"
    assert cpu.memory_limit(tmp_path) == (None, None)


def test_instruction_sets_are_named(tmp_path):
    root = host(tmp_path, cores=2, flags="sse4_2 avx2 avx512f avx512_vnni amx_int8 amx_bf16")
    described = cpu.processor(root)
    assert described.features == ("AVX2", "AVX-512", "AVX-512 VNNI", "AMX INT8", "AMX BF16")
    assert described.fast_int8
    assert described.model == "Example CPU @ 2.50GHz"
    assert not cpu.processor(host(tmp_path / "old", cores=2)).fast_int8


def test_numa_nodes_are_counted(tmp_path):
    root = write(
        host(tmp_path, cores=2),
        **{
            "sys/devices/system/node/node0/cpulist": "0",
            "sys/devices/system/node/node1/cpulist": "1",
            "sys/devices/system/node/online": "0-1",
        },
    )
    assert cpu.processor(root).numa_nodes == 2


def test_memory_is_limited_by_the_tightest_group(tmp_path):
    total = 16_000_000 * 1024
    root = v2(
        host(tmp_path / "v2", cores=2), path="/a", limits={"memory.max": "max", "a/memory.max": "3000000000"}
    )
    assert cpu.memory_limit(root) == (total, 3_000_000_000)
    limits = {"memory/memory.limit_in_bytes": "9223372036854771712", "memory/a/memory.limit_in_bytes": "5"}
    assert cpu.memory_limit(v1(host(tmp_path / "v1", cores=2), limits=limits)) == (total, None)
    assert cpu.memory_limit(v1(host(tmp_path / "v1a", cores=2), path="/a", limits=limits)) == (total, 5)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_a_process_confined_to_one_processor_runs_a_network_on_one_thread(make_package):
    package = make_package()
    code = (
        "import os, sys, pathlib, numpy as np; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from firstread.engine import Engine, load_package\n"
        "engine = Engine(); assert engine.threads == 1, engine.granted\n"
        "network = engine.network(load_package(pathlib.Path(sys.argv[1])))\n"
        "assert np.isfinite(network.infer(np.zeros((1, 1, 32, 32, 32), np.float32))['fine']).all()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(package.folder)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_resident_peak_of_this_process_is_told():
    assert 10e6 < cpu.resident_peak() < 1e12
