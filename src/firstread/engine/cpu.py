"""What the host's processor offers, and how much of it this process was granted.

Every function reads /proc and /sys under a given root, so that recorded trees of other hosts can be read.
Sources: cgroups(7), proc(5), Linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/cgroups.rst.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

ROOT = Path("/")

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
    blocks = _cpuinfo(root)
    first = blocks[0] if blocks else {}
    flags = set(first.get("flags", "").split())
    nodes = list((root / "sys/devices/system/node").glob("node[0-9]*"))
    return Processor(
        model=first.get("model name", "unknown"),
        features=tuple(name for flag, name in _FEATURES.items() if flag in flags),
        logical=len(blocks) or os.cpu_count() or 1,
        physical=_physical(blocks, None) or os.cpu_count() or 1,
        numa_nodes=max(1, len(nodes)),
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
    if affinity is None:
        affinity = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    blocks = _cpuinfo(root)
    logical = len(affinity) or len(blocks) or os.cpu_count() or 1
    quota = cpu_quota(root)
    if override is not None:
        return Granted(threads=max(1, override), limit="threads setting", quota=quota, affinity=logical)
    threads = min(logical, _physical(blocks, affinity or None) or logical)
    limit: Limit = "affinity" if 0 < logical < len(blocks) else "host"
    if quota is not None and quota < threads:
        threads, limit = max(1, int(quota)), "cgroup quota"
    return Granted(threads=threads, limit=limit, quota=quota, affinity=logical)


def cpu_quota(root: Path = ROOT) -> float | None:
    """Return the tightest CPU quota of the process's cgroup and its parents, in processors, or None."""
    quotas = []
    for version, folder in _cgroups(root, "cpu"):
        if version == 2:
            text = _read(folder / "cpu.max").split()
        else:
            text = [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")]
        with contextlib.suppress(ValueError):  # "max", or a file that is not there
            amount, period = (int(part) for part in text)
            if amount > 0 and period > 0:
                quotas.append(amount / period)
    return min(quotas, default=None)


def memory_limit(root: Path = ROOT) -> tuple[int | None, int | None]:
    """Return the host's memory and the tightest cgroup limit, in bytes; None where unknown or unlimited."""
    total = None
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            total = int(line.split()[1]) * 1024
    limits = []
    for version, folder in _cgroups(root, "memory"):
        text = _read(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        if text.isdecimal() and int(text) < _NO_LIMIT_BYTES:
            limits.append(int(text))
    return total, min(limits, default=None)


def resident_peak(root: Path = ROOT) -> int | None:
    """Return the largest resident memory that this process has had, in bytes."""
    for line in _read(root / "proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _cpuinfo(root: Path) -> list[dict[str, str]]:
    """Split /proc/cpuinfo into its blocks, one a logical processor."""
    blocks: list[dict[str, str]] = []
    for text in _read(root / "proc/cpuinfo").split("\n\n"):
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
        block = {key.strip(): value.strip() for key, value in pairs}
        if block.get("processor", "").isdecimal():
            blocks.append(block)
    return blocks


def _physical(blocks: list[dict[str, str]], allowed: frozenset[int] | None) -> int:
    """Count distinct cores among the allowed processors; 0 where the kernel does not tell."""
    mine = [b for b in blocks if allowed is None or int(b["processor"]) in allowed]
    if not all("core id" in block for block in mine):
        return 0
    return len({(block.get("physical id", "0"), block["core id"]) for block in mine})


def _cgroups(root: Path, controller: str) -> Iterator[tuple[Literal[1, 2], Path]]:
    """Yield the folders whose limits bind this process, from its own cgroup up to the mount's root."""
    own: dict[str, str] = {}  # controller ("" for v2) → path of this process's cgroup
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own.update(dict.fromkeys(controllers.split(","), path))
    for line in _read(root / "proc/self/mountinfo").splitlines():
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
