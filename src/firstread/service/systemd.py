"""What systemd is told (sd_notify(3)); without systemd, nothing."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send a state such as READY=1 to the socket that NOTIFY_SOCKET names, where there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # of the abstract name space
        address = "\0" + address[1:]
    # A service manager that does not listen is no reason to stop.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(address)
        datagrams.sendall(state.encode())


def watchdog_s() -> float | None:
    """Return the seconds between signs of life, half of what systemd waits for; None where it does not wait."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID") or str(os.getpid())
    return int(microseconds) / 2e6 if microseconds.isdigit() and owner == str(os.getpid()) else None
