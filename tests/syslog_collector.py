"""A collector of syslog messages over TLS, as RFC 5425 has it."""

import socket
import ssl
import threading
from contextlib import suppress


class SyslogCollector:
    """Listens from its making to `close`, and keeps in `messages` what came.

    With `deaf` it takes connections and bytes, and reads nothing.
    """

    def __init__(self, certificate, key, *, authorities=None, port=0, deaf=False):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        if authorities is not None:
            self._context.load_verify_locations(authorities)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._deaf = deaf
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self.messages = []
        self._open = []
        self._threads = [threading.Thread(target=self._take, daemon=True)]
        self._threads[0].start()

    def _take(self):
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(plain,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain):
        try:
            connection = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        self._open.append(connection)
        if self._deaf:
            return
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            while True:
                digits = b""
                while (one := stream.read(1)) != b" ":
                    if not one:
                        return
                    digits += one
                self.messages.append(stream.read(int(digits)).decode())

    def close(self):
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
