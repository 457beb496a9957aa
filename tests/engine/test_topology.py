import os

import pytest

from firstread.engine import cpu
from firstread.engine.topology import Node, allowed_processors, read_topology
from tests.engine.recorded_hosts import four_nodes, host, numa_host, two_sockets, write


def test_two_sockets_with_hyper_threads_are_two_nodes_of_cores_with_two_processors_each(tmp_path):
    topology = read_topology(two_sockets(tmp_path))
    assert [node.number for node in topology.nodes] == [0, 1]
    assert topology.nodes[0].cores == tuple((p, p + 36) for p in range(18))
    assert topology.nodes[1].cores == tuple((p, p + 36) for p in range(18, 36))
    assert topology.processors == frozenset(range(72))
    described = cpu.processor(tmp_path)
    assert (described.logical, described.physical, described.numa_nodes) == (72, 36, 2)


def test_a_cpuset_with_holes_leaves_parts_of_cores_and_nodes_without_any(tmp_path):
    root = four_nodes(tmp_path, allowed="1,3,8-9,11")
    allowed = allowed_processors(root)
    assert allowed == {1, 3, 8, 9, 11}
    left = read_topology(root).within(allowed)
    assert [node.cores for node in left.nodes] == [((1,), (3,)), (), ((8,), (9,), (11,)), ()]
    root = two_sockets(tmp_path / "threads", allowed="0,36,54")
    assert read_topology(root).within(allowed_processors(root)).cores == ((0, 36), (54,))


def test_hyper_threads_numbered_side_by_side_are_told_by_sys(tmp_path):
    root = numa_host(tmp_path, [[(0, 1), (2, 3)], [(4, 5), (6, 7)]], core_ids=False)
    assert read_topology(root).cores == ((0, 1), (2, 3), (4, 5), (6, 7))


@pytest.mark.parametrize("source", ["thread_siblings_list", None])
def test_older_kernels_and_a_hidden_sys_tell_the_same(tmp_path, source):
    root = two_sockets(tmp_path, siblings_in=source)
    assert read_topology(root).nodes[1].cores == tuple((p, p + 36) for p in range(18, 36))


def test_without_numa_in_sys_all_cores_are_in_one_node(tmp_path):
    assert read_topology(host(tmp_path, cores=2, threads_per_core=2)).nodes == (
        Node(number=0, cores=((0, 2), (1, 3))),
    )


def test_aarch64_without_core_id_takes_the_cores_from_sys_and_else_counts_processors(tmp_path):
    told = numa_host(tmp_path / "told", [[(0, 1), (2, 3)]], core_ids=False)
    assert read_topology(told).cores == ((0, 1), (2, 3))
    untold = numa_host(tmp_path / "untold", [[(0,), (1,), (2,)]], core_ids=False, siblings_in=None)
    assert read_topology(untold).cores == ((0,), (1,), (2,))
    assert cpu.granted(untold, affinity=frozenset({0, 2})).threads == 2


def test_processors_that_are_switched_off_do_not_count(tmp_path):
    root = numa_host(tmp_path, [[(0,), (1,), (2,), (3,)]], allowed="0-127")
    write(root, **{"sys/devices/system/cpu/online": "0-1,3\n"})
    assert read_topology(root).processors == {0, 1, 3}
    assert allowed_processors(root) == {0, 1, 3}


def test_a_node_may_have_memory_only_and_numbers_may_have_gaps(tmp_path):
    root = numa_host(tmp_path, [[(0,), (1,)], []])
    (root / "sys/devices/system/node/node1").rename(root / "sys/devices/system/node/node8")
    assert read_topology(root).nodes == (Node(0, ((0,), (1,))), Node(8, ()))


def test_a_processor_that_several_emulated_nodes_list_counts_once(tmp_path):
    root = numa_host(tmp_path, [[(0,), (1,)], []])
    write(root, **{"sys/devices/system/node/node1/cpulist": "0-1\n"})
    assert [len(node.cores) for node in read_topology(root).nodes] == [2, 0]


def test_a_tree_with_nothing_in_it_is_a_host_of_one_node(tmp_path):
    topology = read_topology(tmp_path)
    assert [node.number for node in topology.nodes] == [0]
    assert len(topology.cores) == os.cpu_count()
    assert allowed_processors(tmp_path) == topology.processors


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no CPU affinity")
def test_this_host_has_the_processors_that_the_process_may_run_on():
    assert allowed_processors() == os.sched_getaffinity(0)
    assert allowed_processors() <= read_topology().processors
    assert len(read_topology().within(allowed_processors()).cores) >= cpu.granted(override=None).threads
