"""Trees of /proc and /sys as hosts and containers show them."""

from collections.abc import Sequence
from pathlib import Path

from firstread.engine.kernel_files import format_list

V2_MOUNT = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = (
    "33 31 0:30 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def host(root: Path, *, cores: int, threads_per_core: int = 1, flags: str = "avx2") -> Path:
    blocks = []
    for number in range(cores * threads_per_core):
        blocks.append(
            f"processor\t: {number}\nmodel name\t: Example CPU @ 2.50GHz\nphysical id\t: 0\n"
            f"core id\t\t: {number % cores}\nflags\t\t: fpu {flags}\n"
        )
    return write(root, **{"proc/cpuinfo": "\n".join(blocks), "proc/meminfo": "MemTotal: 16000000 kB\n"})


def v2(root: Path, *, path: str = "/", mount_root: str = "/", limits: dict[str, str]) -> Path:
    write(
        root, **{"proc/self/cgroup": f"0::{path}\n", "proc/self/mountinfo": V2_MOUNT.format(root=mount_root)}
    )
    return write(root, **{f"sys/fs/cgroup/{name}": text for name, text in limits.items()})


def v1(root: Path, *, path: str = "/", mount_root: str = "/", limits: dict[str, str]) -> Path:
    text = f"5:memory:{path}\n4:cpuacct,cpu:{path}\n1:name=systemd:/\n0::/\n"
    mounts = V1_MOUNT.format(root=mount_root)
    write(root, **{"proc/self/cgroup": text, "proc/self/mountinfo": mounts})
    return write(root, **{f"sys/fs/cgroup/{name}": text for name, text in limits.items()})


def numa_host(
    root: Path,
    nodes: Sequence[Sequence[tuple[int, ...]]],
    *,
    allowed: str | None = None,
    core_ids: bool = True,
    siblings_in: str | None = "core_cpus_list",
) -> Path:
    """Write a host with /sys: for each node its cores, for each core its logical processors."""
    socket_of = {p: (node, core) for node, cores in enumerate(nodes) for core in cores for p in core}
    everything = format_list(socket_of)
    blocks = []
    for processor, (node, core) in sorted(socket_of.items()):
        ids = f"physical id\t: {node}\ncore id\t\t: {core[0]}\n" if core_ids else "CPU implementer\t: 0x41\n"
        blocks.append(f"processor\t: {processor}\n{ids}")
        if siblings_in:
            name = f"sys/devices/system/cpu/cpu{processor}/topology/{siblings_in}"
            write(root, **{name: format_list(core) + "\n"})
    for node, cores in enumerate(nodes):
        listed = format_list(p for core in cores for p in core)
        write(root, **{f"sys/devices/system/node/node{node}/cpulist": listed + "\n"})
    return write(
        root,
        **{
            "proc/cpuinfo": "\n".join(blocks),
            "proc/self/status": f"Name:\tpython\nCpus_allowed_list:\t{allowed or everything}\n",
            "sys/devices/system/cpu/online": everything + "\n",
        },
    )


def two_sockets(root: Path, **more: str | None) -> Path:
    """Write 2 sockets × 18 cores with hyper-threading, numbered as Linux does on Intel: siblings 36 apart."""
    nodes = [[(p, p + 36) for p in range(first, first + 18)] for first in (0, 18)]
    return numa_host(root, nodes, **more)


def four_nodes(root: Path, **more: str | None) -> Path:
    """Write 4 nodes × 4 cores without hyper-threading."""
    return numa_host(root, [[(p,) for p in range(first, first + 4)] for first in (0, 4, 8, 12)], **more)
