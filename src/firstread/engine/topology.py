"""How the host's logical processors make up cores, and which cores share a NUMA node's memory.

Sources: Linux Documentation/admin-guide/cputopology.rst (core_cpus_list, online),
Documentation/ABI/stable/sysfs-devices-node (cpulist), proc(5) (Cpus_allowed_list).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from firstread.engine.kernel_files import ROOT, cpuinfo, parse_list, read_fields, read_text

Core = tuple[int, ...]
"""The logical processors of one core, lowest first: one, or two and more where it has hyper-threads."""


@dataclass(frozen=True)
class Node:
    """A NUMA node: the cores that are near one part of the memory.

    Attributes:
        number: The kernel's number.
        cores: In the order of their first processors; none where a node has only memory.
    """

    number: int
    cores: tuple[Core, ...]


@dataclass(frozen=True)
class Topology:
    """The NUMA nodes of a host, by number; a host of which nothing is known has one, number 0."""

    nodes: tuple[Node, ...]

    @property
    def cores(self) -> tuple[Core, ...]:
        """Return the cores of all nodes."""
        return tuple(core for node in self.nodes for core in node.cores)

    @property
    def processors(self) -> frozenset[int]:
        """Return the logical processors of all cores."""
        return frozenset(processor for core in self.cores for processor in core)

    def within(self, processors: frozenset[int]) -> "Topology":
        """Return what is left when only these logical processors may be used; every node stays."""
        return Topology(
            tuple(
                Node(
                    number=node.number,
                    cores=tuple(
                        left for core in node.cores if (left := tuple(p for p in core if p in processors))
                    ),
                )
                for node in self.nodes
            )
        )


def allowed_processors(root: Path = ROOT) -> frozenset[int]:
    """Return the logical processors that affinity and cpusets leave to this process."""
    if root == ROOT and hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    told = parse_list(read_fields(root / "proc/self/status").get("Cpus_allowed_list", ""))
    # The file names processors, too, that are switched off or not there.
    return (told & _online(root)) or _online(root)


def read_topology(root: Path = ROOT) -> Topology:
    """Read the host's nodes and cores.

    Where /sys does not tell which processors are hyper-threads of one core, /proc/cpuinfo is asked; where that
    has no `core id` either, as on aarch64, each processor counts as a core. A processor that no node lists, and
    each one where the kernel knows no NUMA, belongs to the lowest node.
    """
    listed = {
        int(folder.name.removeprefix("node")): parse_list(read_text(folder / "cpulist"))
        for folder in (root / "sys/devices/system/node").glob("node[0-9]*")
    } or {0: frozenset()}
    lowest = min(listed)
    cores: dict[int, list[Core]] = {number: [] for number in sorted(listed)}
    for core in _cores(root):
        # The first that lists it: with the kernel's numa=fake several nodes do.
        cores[next((number for number in cores if core[0] in listed[number]), lowest)].append(core)
    return Topology(tuple(Node(number=number, cores=tuple(mine)) for number, mine in cores.items()))


def _cores(root: Path) -> list[Core]:
    """Group the host's processors by core, in the order of their first processors."""
    blocks = {int(block["processor"]): block for block in cpuinfo(root)}
    groups: dict[object, list[int]] = {}
    for processor in sorted(_online(root)):
        folder = root / f"sys/devices/system/cpu/cpu{processor}/topology"
        # The second name is that of kernels before 5.2.
        siblings = parse_list(
            read_text(folder / "core_cpus_list") or read_text(folder / "thread_siblings_list")
        )
        block = blocks.get(processor, {})
        key: object = processor
        if processor in siblings:
            key = siblings
        elif "core id" in block:
            key = (block.get("physical id", "0"), block["core id"])
        groups.setdefault(key, []).append(processor)
    return [tuple(group) for group in groups.values()]


def _online(root: Path) -> frozenset[int]:
    """Return the processors that are switched on."""
    return (
        parse_list(read_text(root / "sys/devices/system/cpu/online"))
        or frozenset(int(block["processor"]) for block in cpuinfo(root))
        or frozenset(range(os.cpu_count() or 1))
    )
