"""The command `ip`, with which tests make network namespaces and cables between them."""

import subprocess


def ip(*arguments: str) -> None:
    """Run it; it must succeed."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def may_ip(*arguments: str) -> bool:
    """Run it, and tell whether it succeeded; it may not be allowed, or not be there."""
    try:
        return subprocess.run(["ip", *arguments], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
