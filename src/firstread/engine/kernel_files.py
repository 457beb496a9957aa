"""What the kernel tells in /proc and /sys: text, the blocks of /proc/cpuinfo, lists of processors.

Everything is read under a given root, so that recorded trees of other hosts can be read.
Sources: proc(5), cpuset(7) (list format).
"""

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/")

_RANGE = re.compile(r"\s*(\d+)(?:-(\d+))?\s*")


def read_text(path: Path) -> str:
    """Return a file's text without surrounding white space; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def read_fields(path: Path) -> dict[str, str]:
    """Return the `name: value` lines of a file, as of /proc/self/status."""
    return _fields(read_text(path))


def cpuinfo(root: Path = ROOT) -> tuple[dict[str, str], ...]:
    """Split /proc/cpuinfo into its blocks, one a logical processor."""
    blocks = (_fields(text) for text in read_text(root / "proc/cpuinfo").split("\n\n"))
    return tuple(block for block in blocks if block.get("processor", "").isdecimal())


def parse_list(text: str) -> frozenset[int]:
    """Read the kernel's list format: "0-3,8" is 0, 1, 2, 3 and 8. What is no number or range is left out."""
    numbers: set[int] = set()
    for part in text.split(","):
        if match := _RANGE.fullmatch(part):
            first, last = int(match[1]), int(match[2] or match[1])
            numbers.update(range(first, last + 1))
    return frozenset(numbers)


def format_list(numbers: Iterable[int]) -> str:
    """Write numbers in the kernel's list format, e.g. "0-3,8"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _fields(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
