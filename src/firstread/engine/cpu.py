"""What the host's processor offers, and how much of it this process was granted.

Every function reads /proc and /sys under a given root, so that recorded trees of other hosts can be read.
Sources: cgroups(7), proc(5), Linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/cgroups.rst.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from firstread.engine.kernel_files import ROOT, cpuinfo, read_fields, read_text
from firstread.engine.topology import allowed_processors, read_topology

# Kernel's flag names (/proc/cpuinfo) of the instruction sets that OpenVINO's kernels choose between.
_FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_int8": "AMX INT8",
    "amx_bf16": "AMX BF16",
}

# cgroup v1 writes "no limit" as the largest page-aligned number; no machine has an exbibyte.
_NO_LIMIT_BYTES = 1 << 60

Limit = Literal["host", "affinity", "cgroup quota", "threads setting"]


@dataclass(frozen=True)
class Processor:
    """The host's processor: model name, instruction sets, logical processors, cores, NUMA nodes."""

    model: str
    features: tuple[str, ...]
    logical: int
    physical: int
    numa_nodes: int

    @property
    def fast_int8(self) -> bool:
        """Tell whether the processor multiplies int8 in hardware (VNNI or AMX)."""
        return any("VNNI" in name or "INT8" in name for name in self.features)


@dataclass(frozen=True)
class Granted:
    """How many threads inference may use, and what decided it.

    Attributes:
        threads: The number to use, at least 1.
        limit: The tightest of the limits; "host" when nothing is tighter than the host's own cores.
        quota: The cgroup's quota in processors, fractions included; None when there is none.
        affinity: Logical processors that the process may run on.
    """

    threads: int
    limit: Limit
    quota: float | None
    affinity: int


def processor(root: Path = ROOT) -> Processor:
    """Describe the host's processor."""
    first = next(iter(cpuinfo(root)), {})
    flags = set(first.get("flags", "").split())
    topology = read_topology(root)
    return Processor(
        model=first.get("model name", "unknown"),
        features=tuple(name for flag, name in _FEATURES.items() if flag in flags),
        logical=len(topology.processors),
        physical=len(topology.cores),
        numa_nodes=len(topology.nodes),
    )


def granted(
    root: Path = ROOT, *, affinity: frozenset[int] | None = None, override: int | None = None
) -> Granted:
    """Count the threads that inference may use: the least of affinity and cgroup quota, or the override.

    Of two hyper-threads on one core only one counts: both would share its one set of multipliers, and
    OpenVINO's own default leaves the second idle as well. A quota of part of a processor counts as one.

    Args:
        root: Where /proc and /sys are.
        affinity: Logical processors the process may run on; None asks the kernel.
        override: A number the user chose, taken as it is.
    """
    topology = read_topology(root)
    mine = allowed_processors(root) if affinity is None else affinity
    logical = len(mine)
    quota = cpu_quota(root)
    if override is not None:
        return Granted(threads=max(1, override), limit="threads setting", quota=quota, affinity=logical)
    threads = len(topology.within(mine).cores) or logical
    limit: Limit = "affinity" if logical < len(topology.processors) else "host"
    if quota is not None and quota < threads:
        threads, limit = max(1, int(quota)), "cgroup quota"
    return Granted(threads=threads, limit=limit, quota=quota, affinity=logical)


def cpu_quota(root: Path = ROOT) -> float | None:
    """Return the tightest CPU quota of the process's cgroup and its parents, in processors, or None."""
    quotas = []
    for version, folder in _cgroups(root, "cpu"):
        if version == 2:
            text = read_text(folder / "cpu.max").split()
        else:
            text = [read_text(folder / "cpu.cfs_quota_us"), read_text(folder / "cpu.cfs_period_us")]
        with contextlib.suppress(ValueError):  # "max", or a file that is not there
            amount, period = (int(part) for part in text)
            if amount > 0 and period > 0:
                quotas.append(amount / period)
    return min(quotas, default=None)


def memory_limit(root: Path = ROOT) -> tuple[int | None, int | None]:
    """Return the host's memory and the tightest cgroup limit, in bytes; None where unknown or unlimited."""
    total = _kib(read_fields(root / "proc/meminfo").get("MemTotal"))
    limits = []
    for version, folder in _cgroups(root, "memory"):
        text = read_text(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        if text.isdecimal() and int(text) < _NO_LIMIT_BYTES:
            limits.append(int(text))
    return total, min(limits, default=None)


def resident_peak(root: Path = ROOT) -> int | None:
    """Return the largest resident memory that this process has had, in bytes."""
    return _kib(read_fields(root / "proc/self/status").get("VmHWM"))


def _kib(text: str | None) -> int | None:
    """Turn "16 kB", which /proc means as KiB, into bytes."""
    return int(text.split()[0]) * 1024 if text else None


def _cgroups(root: Path, controller: str) -> Iterator[tuple[Literal[1, 2], Path]]:
    """Yield the folders whose limits bind this process, from its own cgroup up to the mount's root."""
    own: dict[str, str] = {}  # controller ("" for v2) → path of this process's cgroup
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own.update(dict.fromkeys(controllers.split(","), path))
    for line in read_text(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        version: Literal[1, 2]
        if kind[0] == "cgroup2" and "" in own:
            version, path = 2, own[""]
        elif kind[0] == "cgroup" and controller in kind[2].split(",") and controller in own:
            version, path = 1, own[controller]
        else:
            continue
        mount_root, mount = PurePosixPath(fields[3]), root / fields[4].lstrip("/")
        inside = PurePosixPath(path)
        # In a container the mount may start below the path that the kernel names, or beside it (/../…).
        known = inside.is_relative_to(mount_root) and ".." not in inside.parts
        parts = inside.relative_to(mount_root).parts if known else ()
        for depth in range(len(parts), -1, -1):
            yield version, mount.joinpath(*parts[:depth])
