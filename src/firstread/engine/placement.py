"""Where instances of the engine go: which processors, how many threads, the memory of which NUMA node.

A processor reaches the memory of its own node faster than that of another, so an instance stays in one node with its
memory where it can; and instances on cores of their own do not take them from each other. `plan` decides, from
numbers alone; `firstread.engine.confinement` carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstread.engine import cpu
from firstread.engine.kernel_files import ROOT, format_list
from firstread.engine.topology import Node, Topology, allowed_processors, read_topology
from firstread.errors import UsageError
from firstread.settings import load_settings

Instances = int | Literal["auto"]


@dataclass(frozen=True)
class Placement:
    """The share of the host that one instance has to itself.

    Attributes:
        processors: Logical processors on which it may run, one a core, ascending. Under a CPU quota these are
            more than its threads: the kernel then moves the threads away from what else runs on the host.
        threads: Threads of inference, at least 1, at most one a processor.
        memory_node: The NUMA node of its memory; None leaves that to the kernel, where the host has one node or
            the processors are of several.
    """

    processors: tuple[int, ...]
    threads: int
    memory_node: int | None

    def __str__(self) -> str:
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        where = "processor" if len(self.processors) == 1 else "processors"
        memory = "" if self.memory_node is None else f", memory of node {self.memory_node}"
        return f"{threads} on {where} {format_list(self.processors)}{memory}"


def plan(
    topology: Topology, *, processors: frozenset[int], threads: int, instances: Instances = "auto"
) -> tuple[Placement, ...]:
    """Share the granted processors and threads out among instances.

    No processor and no core is in two placements, and the threads of all are never more than `threads`. Each
    instance has one node to itself, or a part of one, as long as there are enough instances; fewer share the
    nodes that suffice for `threads`, joined with their neighbours where one does not. Cores and threads are
    shared out evenly, the larger parts first.

    Args:
        topology: The host's nodes and cores.
        processors: Those that the process may run on.
        threads: How many all instances together may use, at least 1.
        instances: Their number; auto is one for each node with granted cores, or a thread each where there are
            fewer threads than nodes.

    Raises:
        UsageError: `instances` is less than 1, or more than the threads or cores that are granted.
    """
    nodes = [node for node in topology.within(processors).nodes if node.cores]
    # At most a thread a core: a second one would wait for the first one's multipliers.
    threads = min(threads, sum(len(node.cores) for node in nodes))
    if threads < 1:
        raise UsageError(
            f"None of the host's cores is among the processors {format_list(processors) or 'granted'}.",
            remedy="Grant the process a processor that is switched on (taskset, cpuset).",
        )
    auto = min(len(nodes), threads)
    number = auto if instances == "auto" else instances
    if not 1 <= number <= threads:
        raise UsageError(
            f"{number} instances cannot be had: of {threads} granted threads each needs at least one.",
            remedy=f"Ask for 1 to {threads}, or for auto, which is {auto} here.",
        )
    groups = _groups(nodes, number, threads)
    shares: list[tuple[tuple[int, ...], int | None]] = []
    for group, parts in zip(groups, _apportion(number, [_size(group) for group in groups]), strict=True):
        memory = group[0].number if len(group) == 1 and len(topology.nodes) > 1 else None
        # The lowest hyper-thread of each core.
        firsts = [core[0] for node in group for core in node.cores]
        even, rest = divmod(len(firsts), parts)
        for part in range(parts):
            size = even + (part < rest)
            shares.append((tuple(sorted(firsts[:size])), memory))
            del firsts[:size]
    each = _apportion(threads, [len(mine) for mine, _ in shares])
    return tuple(
        Placement(processors=mine, threads=count, memory_node=memory)
        for (mine, memory), count in zip(shares, each, strict=True)
    )


def plan_here(
    root: Path = ROOT, *, instances: Instances = "auto", threads: int | None = None
) -> tuple[Placement, ...]:
    """Plan for this host and this process, within its affinity, its cpuset and its CPU quota.

    Args:
        root: Where /proc and /sys are.
        instances: As for `plan`.
        threads: For all instances together; None takes the setting, else what is granted to this process.

    Raises:
        UsageError: as from `plan`, or a setting cannot be used.
    """
    mine = allowed_processors(root)
    override = threads if threads is not None else load_settings().threads
    granted = cpu.granted(root, affinity=mine, override=override)
    return plan(read_topology(root), processors=mine, threads=granted.threads, instances=instances)


def _groups(nodes: Sequence[Node], number: int, threads: int) -> list[list[Node]]:
    """Choose the nodes to use and join them into at most `number` groups, each for one or more instances."""
    if len(nodes) > number:
        largest = sorted(nodes, key=lambda node: (-len(node.cores), node.number))[:number]
        if _size(largest) >= threads:
            nodes = sorted(largest, key=lambda node: node.number)
    groups = [[node] for node in nodes]
    while len(groups) > number:
        # Nodes of one socket have neighbouring numbers.
        left = min(range(len(groups) - 1), key=lambda at: _size(groups[at]) + _size(groups[at + 1]))
        groups[left : left + 2] = [groups[left] + groups[left + 1]]
    return groups


def _size(group: Sequence[Node]) -> int:
    return sum(len(node.cores) for node in group)


def _apportion(total: int, sizes: Sequence[int]) -> list[int]:
    """Share a number out by size, as D'Hondt shares seats: at least 1 each, at most its size.

    Args:
        total: At least as much as there are sizes, at most their sum.
        sizes: Positive.
    """
    given = [1] * len(sizes)
    for _ in range(total - len(sizes)):
        unfilled = [at for at, size in enumerate(sizes) if given[at] < size]
        given[max(unfilled, key=lambda at: sizes[at] / (given[at] + 1))] += 1
    return given
