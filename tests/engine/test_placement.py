import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstread.engine.placement import Placement, plan, plan_here
from firstread.engine.topology import Node, Topology
from firstread.errors import UsageError
from tests.engine.recorded_hosts import four_nodes, host, numa_host, two_sockets, v2


def span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def test_auto_starts_an_instance_a_socket_with_one_thread_a_core(tmp_path):
    assert plan_here(two_sockets(tmp_path)) == (
        Placement(processors=span(0, 17), threads=18, memory_node=0),
        Placement(processors=span(18, 35), threads=18, memory_node=1),
    )


def test_auto_starts_four_instances_on_four_nodes(tmp_path):
    placements = plan_here(four_nodes(tmp_path))
    assert [placement.processors for placement in placements] == [
        span(0, 3),
        span(4, 7),
        span(8, 11),
        span(12, 15),
    ]
    assert [(placement.threads, placement.memory_node) for placement in placements] == [
        (4, 0),
        (4, 1),
        (4, 2),
        (4, 3),
    ]


@pytest.mark.parametrize("instances", ["auto", 1])
def test_a_quota_of_one_and_a_half_processors_is_one_instance_of_one_thread_in_one_node(tmp_path, instances):
    root = v2(two_sockets(tmp_path), limits={"cpu.max": "150000 100000"})
    assert plan_here(root, instances=instances) == (
        Placement(processors=span(0, 17), threads=1, memory_node=0),
    )


def test_under_a_quota_the_threads_are_shared_out_and_the_kernel_may_move_them_within_the_node(tmp_path):
    root = v2(two_sockets(tmp_path), limits={"cpu.max": "700000 100000"})
    assert plan_here(root) == (
        Placement(processors=span(0, 17), threads=4, memory_node=0),
        Placement(processors=span(18, 35), threads=3, memory_node=1),
    )


def test_a_quota_below_the_number_of_nodes_takes_as_many_of_the_largest_nodes(tmp_path):
    root = v2(four_nodes(tmp_path, allowed="0-1,4-15"), limits={"cpu.max": "300000 100000"})
    assert [(p.memory_node, p.threads) for p in plan_here(root)] == [(1, 1), (2, 1), (3, 1)]


def test_a_cpuset_with_holes_is_respected_and_hyper_threads_count_once(tmp_path):
    root = two_sockets(tmp_path, allowed="2,5-6,38,41,54-56")
    assert plan_here(root) == (
        Placement(processors=(2, 5, 6), threads=3, memory_node=0),
        Placement(processors=(54, 55, 56), threads=3, memory_node=1),
    )


def test_a_node_without_granted_cores_gets_no_instance(tmp_path):
    root = four_nodes(tmp_path, allowed="4-7,12-13")
    assert plan_here(root) == (
        Placement(processors=span(4, 7), threads=4, memory_node=1),
        Placement(processors=(12, 13), threads=2, memory_node=3),
    )


def test_a_host_without_numa_is_one_instance_whose_memory_the_kernel_places(tmp_path):
    assert plan_here(host(tmp_path, cores=4, threads_per_core=2)) == (
        Placement(processors=span(0, 3), threads=4, memory_node=None),
    )


def test_aarch64_that_tells_no_core_ids_counts_processors(tmp_path):
    root = numa_host(tmp_path, [[(0,), (1,)], [(2,), (3,)]], core_ids=False, siblings_in=None)
    assert [placement.processors for placement in plan_here(root)] == [(0, 1), (2, 3)]


def test_one_instance_over_two_sockets_leaves_the_memory_to_the_kernel(tmp_path):
    assert plan_here(two_sockets(tmp_path), instances=1) == (
        Placement(processors=span(0, 35), threads=36, memory_node=None),
    )


def test_more_instances_than_nodes_divide_the_nodes_and_stay_in_one_each(tmp_path):
    placements = plan_here(two_sockets(tmp_path), instances=5)
    assert [placement.processors for placement in placements] == [
        span(0, 5),
        span(6, 11),
        span(12, 17),
        span(18, 26),
        span(27, 35),
    ]
    assert [placement.memory_node for placement in placements] == [0, 0, 0, 1, 1]


def test_cores_that_do_not_divide_go_to_the_first_instances(tmp_path):
    placements = plan_here(host(tmp_path, cores=7), instances=3)
    assert [placement.processors for placement in placements] == [(0, 1, 2), (3, 4), (5, 6)]
    assert [placement.threads for placement in placements] == [3, 2, 2]


def test_fewer_instances_than_nodes_join_neighbours(tmp_path):
    halves = plan_here(four_nodes(tmp_path), instances=2)
    assert [(p.processors, p.memory_node) for p in halves] == [(span(0, 7), None), (span(8, 15), None)]
    thirds = plan_here(four_nodes(tmp_path), instances=3)
    assert [p.threads for p in thirds] == [8, 4, 4]
    assert [p.memory_node for p in thirds] == [None, 2, 3]


def test_fewer_instances_keep_to_single_nodes_where_those_have_cores_enough(tmp_path):
    root = v2(four_nodes(tmp_path), limits={"cpu.max": "600000 100000"})
    assert [(p.threads, p.memory_node) for p in plan_here(root, instances=2)] == [(3, 0), (3, 1)]


def test_the_users_threads_are_shared_out_but_never_more_than_the_cores(tmp_path, monkeypatch):
    root = two_sockets(tmp_path)
    monkeypatch.setenv("FIRSTREAD_THREADS", "5")
    assert [placement.threads for placement in plan_here(root)] == [3, 2]
    assert [placement.threads for placement in plan_here(root, threads=6)] == [3, 3]
    assert [placement.threads for placement in plan_here(root, threads=100)] == [18, 18]


@pytest.mark.parametrize("instances", [3, 0, -1])
def test_a_number_that_cannot_be_had_is_refused_with_the_number_that_can(tmp_path, instances):
    root = v2(two_sockets(tmp_path), limits={"cpu.max": "250000 100000"})
    with pytest.raises(
        UsageError, match=f"{instances} instances cannot be had: of 2 granted threads"
    ) as refused:
        plan_here(root, instances=instances)
    assert "1 to 2" in refused.value.remedy and "auto, which is 2" in refused.value.remedy


def test_processors_that_the_host_does_not_have_are_refused(tmp_path):
    topology = Topology((Node(0, ((0,),)),))
    with pytest.raises(UsageError, match="among the processors 7-8"):
        plan(topology, processors=frozenset({7, 8}), threads=1)


def test_a_placement_says_what_it_is():
    assert str(Placement(processors=(0, 1, 2, 8), threads=4, memory_node=1)) == (
        "4 threads on processors 0-2,8, memory of node 1"
    )
    assert str(Placement(processors=(3,), threads=1, memory_node=None)) == "1 thread on processor 3"


@st.composite
def hosts(draw):
    """A topology with one or two processors a core and nodes of any size, and the processors allowed of it."""
    nodes, first = [], 0
    for number in range(draw(st.integers(1, 5))):
        cores = []
        for _ in range(draw(st.integers(0, 6))):
            width = draw(st.integers(1, 2))
            cores.append(tuple(range(first, first + width)))
            first += width
        nodes.append(Node(number, tuple(cores)))
    topology = Topology(tuple(nodes))
    allowed = draw(st.frozensets(st.sampled_from(sorted(topology.processors)))) if first else frozenset()
    return topology, allowed


@given(hosts(), st.integers(1, 40), st.none() | st.integers(1, 12))
def test_whatever_the_host_no_core_is_shared_and_no_thread_is_more_than_granted(here, threads, instances):
    topology, allowed = here
    cores = topology.within(allowed).cores
    at_most = min(threads, len(cores))
    try:
        placements = plan(topology, processors=allowed, threads=threads, instances=instances or "auto")
    except UsageError:
        assert at_most < (instances or 1)
        return
    core_of = {processor: core for core in cores for processor in core}
    used = [core_of[processor] for placement in placements for processor in placement.processors]
    assert len(used) == len(set(used))
    assert sum(placement.threads for placement in placements) == at_most
    assert all(1 <= placement.threads <= len(placement.processors) for placement in placements)
    node_of = {p: node.number for node in topology.nodes for core in node.cores for p in core}
    for placement in placements:
        nodes = {node_of[processor] for processor in placement.processors}
        if placement.memory_node is not None:
            assert nodes == {placement.memory_node}
        if instances is None:
            assert len(nodes) == 1
    busy = sum(bool(node.cores) for node in topology.within(allowed).nodes)
    assert len(placements) == (instances or min(busy, at_most))
