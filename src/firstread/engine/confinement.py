"""Keep the process where a placement puts it: its threads on those processors, its memory on that node.

Sources: sched_setaffinity(2), set_mempolicy(2), proc(5) (/proc/pid/task), Linux include/uapi/linux/mempolicy.h,
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (numbers of the system call).
"""

import contextlib
import ctypes
import errno
import logging
import os
import platform
import sys
from dataclasses import dataclass

from firstread.engine.kernel_files import ROOT, format_list
from firstread.engine.placement import Placement
from firstread.errors import FirstreadError

_log = logging.getLogger(__name__)

# glibc has no wrapper for set_mempolicy. Only of 64-bit processes: 32-bit ones have other numbers.
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237, "riscv64": 237}
_MPOL_PREFERRED = 1


@dataclass(frozen=True)
class Confined:
    """What came of a placement.

    Attributes:
        processors: On which every thread of the process now runs.
        memory_node: Where its memory is taken from as long as there is some; None: as the kernel chooses, which
            is the node of the processor that first writes to a page.
        reason: Why there is no memory node; empty where there is one.
    """

    processors: tuple[int, ...]
    memory_node: int | None
    reason: str = ""


def confine(placement: Placement) -> Confined:
    """Confine this process to a placement. Call it before threads are started and before OpenVINO is loaded.

    OpenVINO reads the affinity once, when it is loaded, and threads take over the affinity and the memory policy
    of the thread that starts them. Threads that already run are moved to the processors as well; their memory
    policy stays, for the system call only knows the calling thread.

    The memory policy is `preferred`, not `bind`: where the node's memory is full, the kernel takes another node's,
    which is slower; with `bind` it would end the process. Where the kernel or the container refuses the policy,
    that is logged, and its default (the node of the processor that first writes to a page) does nearly the same.

    Raises:
        FirstreadError: the process may not run on these processors, or the system cannot confine it.
    """
    wanted = set(placement.processors)
    try:
        os.sched_setaffinity(0, wanted)
        for thread in _threads():
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setaffinity(thread, wanted)
        got = set(os.sched_getaffinity(0))
    except AttributeError:
        raise FirstreadError(
            f"{platform.system()} cannot confine a process to processors.",
            remedy="Run one instance, without a placement.",
        ) from None
    except OSError as error:
        raise FirstreadError(
            f"The process cannot be confined to the processors {format_list(wanted)}: {error.strerror}.",
            remedy="Plan again: the cpuset of the process has changed, or the plan is another host's.",
        ) from error
    if got != wanted:
        raise FirstreadError(
            f"Of the processors {format_list(wanted)} the process may only run on {format_list(got)}.",
            remedy="Plan again: the cpuset of the process has changed, or the plan is another host's.",
        )
    if placement.memory_node is None:
        reason = "the host has one NUMA node, or the processors are of several"
        _log.debug("No memory policy: %s.", reason)
        return Confined(placement.processors, None, reason)
    refusal = prefer_memory_of(placement.memory_node)
    if refusal:
        _log.warning("The memory of node %d is not preferred: %s.", placement.memory_node, refusal)
        return Confined(placement.processors, None, refusal)
    return Confined(placement.processors, placement.memory_node)


def prefer_memory_of(node: int) -> str:
    """Have the calling thread, and those that it starts from now on, take memory from a NUMA node first.

    Returns:
        Why that cannot be; empty when it is done.
    """
    number = _SET_MEMPOLICY.get(platform.machine()) if sys.maxsize > 2**32 else None
    if sys.platform != "linux" or number is None:
        return f"the system call is not known on {platform.system()} {platform.machine()}"
    bits = 8 * ctypes.sizeof(ctypes.c_ulong)
    mask = (ctypes.c_ulong * (node // bits + 1))()
    mask[node // bits] = 1 << (node % bits)
    libc = ctypes.CDLL(None, use_errno=True)
    # The kernel uses one bit less than it is told (get_nodes in mm/mempolicy.c); libnuma adds one, too.
    told = ctypes.c_ulong(len(mask) * bits + 1)
    if libc.syscall(ctypes.c_long(number), ctypes.c_int(_MPOL_PREFERRED), mask, told) == 0:
        return ""
    code = ctypes.get_errno()
    why = {
        # Docker's default seccomp profile lets only containers with CAP_SYS_NICE call it.
        "EPERM": "the container forbids set_mempolicy (Docker: --cap-add SYS_NICE permits it)",
        "EINVAL": "the node is off, has no memory, or the cpuset does not grant its memory",
        "ENOSYS": "the kernel is built without NUMA",
    }
    return why.get(errno.errorcode.get(code, ""), os.strerror(code))


def _threads() -> list[int]:
    """Return the threads of this process; none where /proc does not tell."""
    try:
        return [int(entry.name) for entry in (ROOT / "proc/self/task").iterdir()]
    except OSError:
        return []
