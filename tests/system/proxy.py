"""A network that cuts connections: a proxy between a sender and a node, or a worker and its database."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

Cut = tuple[int, str]  # after so many bytes of the sender: "reset", "close", "silent"


class Proxy:
    """Forwards connections.

    Args:
        connect: Makes a connection to where they go.
        cut: Called for each connection; returns after how many bytes and how it is cut, or None.
        listener: Where they come from. Default: a free port of this computer.

    Attributes:
        port: On which it listens.
        cuts: How many connections were cut.
    """

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        cut: Callable[[], Cut | None] = lambda: None,
        *,
        listener: socket.socket | None = None,
    ) -> None:
        self._connect, self._cut = connect, cut
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self._over, self._hung_up = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._silent: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._silent):
            each.close()

    def hang_up(self) -> None:
        """Cut the connections that there are; new ones are cut as `cut` says."""
        self._hung_up, hung_up = threading.Event(), self._hung_up
        hung_up.set()

    def _listen(self) -> None:
        while not self._over.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._forward, args=(client, self._cut())))
                self._threads[-1].start()

    def _forward(self, client: socket.socket, cut: Cut | None) -> None:
        left, how = cut or (1 << 62, "")
        node, hung_up = None, self._hung_up
        try:
            node = self._connect()
            while not (self._over.is_set() or hung_up.is_set()):
                for ready in select.select([client, node], [], [], 0.05)[0]:
                    content = ready.recv(4096)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # storescu waits for it
                    if not content:
                        return
                    if ready is client:
                        node.sendall(content[:left])
                        left -= len(content)
                        if left <= 0:
                            self.cuts += 1
                            if how == "silent":  # the node hears nothing any more, not even that it is over
                                self._silent.append(node)
                                node = None
                            elif how == "reset":
                                node.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                            return
                    else:
                        client.sendall(content)
        except OSError:  # the node was killed, or the sender gave up
            pass
        finally:
            for each in (client, node):
                if each is not None:
                    with suppress(OSError):
                        each.close()


def to_port(port: int) -> Callable[[], socket.socket]:
    """Return what connects to a port of this computer."""

    def connect() -> socket.socket:
        made = socket.create_connection(("127.0.0.1", port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    return connect


def to_file(path: Path) -> Callable[[], socket.socket]:
    """Return what connects to a socket in the file system."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(path))
        return made

    return connect
