"""Several hosts on one computer: network namespaces on a switch, where they are allowed, or addresses of loopback."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.system.namespaces import ip, may_ip


@dataclass(frozen=True)
class Host:
    """A host: its address, the command that runs another on it, and its cable, where it has one."""

    address: str
    within: tuple[str, ...] = ()
    cable: tuple[str, ...] = ()

    def pull(self) -> None:
        """Take its cable out: what is sent is lost, and nobody is told."""
        ip(*self.cable, "down")

    def plug(self) -> None:
        """Put it back."""
        ip(*self.cable, "up")


@contextmanager
def lan(names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Yield hosts that reach each other, by name: network namespaces where they are allowed."""
    token = secrets.token_hex(3)
    switch = f"fr-{token}-switch"
    spaces = {name: f"fr-{token}-{name}" for name in names}
    if os.getuid() != 0 or not may_ip("netns", "add", switch):
        yield {name: Host(f"127.0.9.{number}") for number, name in enumerate(names, 1)}
        return
    try:
        ip("-n", switch, "link", "add", "switch", "type", "bridge")
        ip("-n", switch, "link", "set", "switch", "up")
        hosts = {}
        for number, (name, space) in enumerate(spaces.items(), 1):
            ip("netns", "add", space)
            ip("-n", switch, "link", "add", f"port{number}", "type", "veth", "peer", "cable", "netns", space)
            ip("-n", switch, "link", "set", f"port{number}", "master", "switch", "up")
            address = f"10.99.1.{number}"
            ip("-n", space, "addr", "add", f"{address}/24", "dev", "cable")
            for link in ("lo", "cable"):
                ip("-n", space, "link", "set", link, "up")
            within = ("ip", "netns", "exec", space)
            hosts[name] = Host(address, within, ("-n", switch, "link", "set", f"port{number}"))
        yield hosts
    finally:
        for space in (*spaces.values(), switch):
            may_ip("netns", "del", space)
