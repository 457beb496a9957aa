"""A peer that throws streams at a node, and what the node holds before and after."""

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

THREADS = 4


def throw(port: int, content: bytes, *, seconds: float = 20.0) -> None:
    """Send bytes, and take what is answered until the node closes the connection.

    Raises:
        TimeoutError: it does not for so many seconds.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
            peer.sendall(content)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass
    except OSError as error:  # it was cut off
        if isinstance(error, TimeoutError):
            raise


def throw_all(port: int, contents: Iterable[bytes]) -> int:
    """Throw several streams, a few at a time; return how many."""
    with ThreadPoolExecutor(THREADS) as pool:
        return len(list(pool.map(lambda content: throw(port, content), contents)))


@dataclass(frozen=True)
class Held:
    """What a process holds: resident memory (MiB), open files, threads."""

    memory_mib: float
    files: int
    threads: int

    @classmethod
    def by(cls, process: psutil.Process) -> "Held":
        """Count."""
        return cls(process.memory_info().rss / 2**20, process.num_fds(), process.num_threads())
