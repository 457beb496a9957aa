"""The DICOM listener: C-ECHO, and C-STORE into the archive, acknowledged when it is durable."""

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from socketserver import BaseServer
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, cast

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from firstread.archive import Part10, Receipt
from firstread.errors import UsageError
from firstread.network.statuses import SUCCESS, store_status

_log = logging.getLogger("firstread.network")
Receive = Callable[..., Receipt]


@dataclass(frozen=True)
class Listening:
    """Where and to whom the listener answers.

    Args:
        ae_title: Its own; associations that call another are rejected.
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        calling_ae_titles: Peers that may call; empty: all.
        hosts: Networks from which they may; empty: from everywhere. Others are cut off unheard.
        associations: So many at once; one more is rejected for now.
        pdu_bytes: Largest PDU that is received.
        idle_s: Seconds after which a silent peer is cut off.
        tls: Context of a server; None: plain TCP.
    """

    ae_title: str = "FIRSTREAD"
    host: str = "127.0.0.1"
    port: int = 11112
    calling_ae_titles: tuple[str, ...] = ()
    hosts: tuple[IPv4Network | IPv6Network, ...] = ()
    associations: int = 25
    pdu_bytes: int = 131_072
    idle_s: float = 60.0
    tls: SSLContext | None = field(default=None, repr=False)


class StoreSCP:
    """A listener that runs from its making to `close`.

    Every storage SOP class and transfer syntax that pynetdicom knows is accepted, and the data set is stored as
    it came. What `receive` returns has been acknowledged with Success: it is durable.

    Args:
        receive: `Archive.receive`.
        listening: Where and to whom it answers.

    Attributes:
        port: The TCP port that it listens on.

    Raises:
        UsageError: the port is taken, or is not this process's to take.
    """

    def __init__(self, receive: Receive, listening: Listening) -> None:
        self._receive = receive
        entity = AE(listening.ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(listening.calling_ae_titles)
        entity.maximum_associations = listening.associations
        entity.maximum_pdu_size = listening.pdu_bytes
        entity.network_timeout = listening.idle_s
        entity.acse_timeout = entity.dimse_timeout = listening.idle_s
        entity.add_supported_context(Verification)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        self._entity = entity
        try:
            self._server = entity.make_server(
                (listening.host, listening.port),
                ae_title=listening.ae_title,
                ssl_context=listening.tls,
                evt_handlers=[(evt.EVT_C_ECHO, _echo), (evt.EVT_C_STORE, self._store)],
                server_class=_listed(listening.hosts),
            )
        except OSError as error:
            raise UsageError(
                f"Cannot listen on {listening.host} port {listening.port}: {error.strerror}.",
                remedy="Choose another port, or end what uses it.",
            ) from error
        self.port = int(cast(socket.socket, self._server.socket).getsockname()[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="dicom-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and abort what is under way; what is not acknowledged will be sent again."""
        self._server.shutdown()
        self._entity.shutdown()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _store(self, event: evt.Event) -> int:
        request = cast(Any, event.request)
        peer = str(event.assoc.requestor.ae_title).strip()
        try:
            instance = Part10.of(
                event.encoded_dataset(include_meta=False),
                sop_class_uid=str(request.AffectedSOPClassUID),
                sop_instance_uid=str(request.AffectedSOPInstanceUID),
                transfer_syntax_uid=str(event.context.transfer_syntax),
                source_ae=peer,
            )
            receipt = self._receive(instance, source=peer)
        except Exception as error:
            status = store_status(error)
            # Kind and status only: what the error says can quote the sender.
            _log.warning("C-STORE refused with %04X: %s", status, type(error).__name__)
            return status
        if receipt.outcome == "conflict":
            _log.warning("instance %s came again with other bytes; both are kept", receipt.sop_instance_uid)
        return SUCCESS


def _echo(event: evt.Event) -> int:
    return SUCCESS


def _listed(hosts: tuple[IPv4Network | IPv6Network, ...]) -> type[ThreadedAssociationServer]:
    """Return a server that hears only peers in these networks."""

    class Listed(ThreadedAssociationServer):
        def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401 - of socketserver
            if not hosts:
                return True
            address = ip_address(client_address[0])
            heard = any(address in network for network in hosts)
            if not heard:
                _log.warning("a connection from a host that is not listed was cut off")
            return heard

        def shutdown(self) -> None:
            """Stop; pynetdicom's own does so only for servers that it started itself."""
            BaseServer.shutdown(self)
            self.server_close()

    return Listed
