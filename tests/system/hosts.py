"""Two hosts on one computer: network namespaces with a cable between them."""

import ctypes
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.system.namespaces import ip, may_ip

CLONE_NEWNET = 0x40000000  # setns(2)


@dataclass(frozen=True)
class Cable:
    """Two network namespaces that are connected.

    Attributes:
        names: Of the namespaces.
    """

    names: tuple[str, str]

    addresses = ("10.99.0.1", "10.99.0.2")

    def within(self, host: int) -> list[str]:
        """Return the command that runs another on a host, 0 or 1."""
        return ["ip", "netns", "exec", self.names[host]]

    def listen(self, host: int) -> socket.socket:
        """Return a socket that listens on a host; its port is free there."""
        made: list[socket.socket] = []

        def enter_and_listen() -> None:
            # Sockets stay on the host on which they were made; only this thread goes there.
            with open(f"/run/netns/{self.names[host]}") as namespace:
                assert ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) == 0
            made.append(socket.create_server((self.addresses[host], 0)))

        thread = threading.Thread(target=enter_and_listen)
        thread.start()
        thread.join()
        return made[0]

    def pull(self) -> None:
        """Take the cable out: what is sent is lost, and nobody is told."""
        ip("-n", self.names[0], "link", "set", "cable", "down")

    def plug(self) -> None:
        """Put the cable back."""
        ip("-n", self.names[0], "link", "set", "cable", "up")


@contextmanager
def two_hosts() -> Iterator[Cable]:
    """Yield two hosts that reach each other; skip the test where namespaces are not allowed."""
    token = secrets.token_hex(3)
    made = Cable((f"fr-{token}-a", f"fr-{token}-b"))
    if os.getuid() != 0 or not may_ip("netns", "add", made.names[0]):
        pytest.skip("only root can make network namespaces, and not everywhere")
    try:
        ip("netns", "add", made.names[1])
        ip(
            "-n",
            made.names[0],
            "link",
            "add",
            "cable",
            "type",
            "veth",
            "peer",
            "cable",
            "netns",
            made.names[1],
        )
        for name, address in zip(made.names, made.addresses, strict=True):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            for link in ("lo", "cable"):
                ip("-n", name, "link", "set", link, "up")
        yield made
    finally:
        for name in made.names:
            may_ip("netns", "del", name)
