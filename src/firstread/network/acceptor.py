"""pynetdicom's association as the listener needs it: woken instead of polling, and bounded.

pynetdicom 3.0 looks a thousand times a second, in two threads an association, whether there is something to do. Fifty
open associations keep a core busy with that, and each message waits for it three times. Here both threads sleep until
there is something.
"""

import logging
import queue
import select
import socket
import threading
from contextlib import suppress
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from firstread.network.acceptance import Acceptance
from firstread.network.answers import NOTHING, Checkpoint
from firstread.network.received import DATA_PDU, DataPDU, store_message
from firstread.network.room import Room
from firstread.network.sending import send_stored
from firstread.network.store_response import LONGEST, encoded_store_response
from firstread.network.wire import BoundedSocket

_log = logging.getLogger("firstread.network")
_NAP_S = 0.25  # timers are looked at so often
_MOST_WAITING = 4  # messages that a peer may send ahead of our answers; after that it is not read from


class _Telling(queue.Queue[Any]):
    """What the upper layer tells the association; a message of nothing wakes the thread that waits for messages."""

    def __init__(self, messages: "queue.Queue[Any]") -> None:
        super().__init__()
        self._messages = messages

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ANN401
        super().put(item, block, timeout)
        self._messages.put(NOTHING)


class _UpperLayer(DULServiceProvider):
    """The thread that reads and writes the socket; it sleeps until there is something to read or to write."""

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._run_loop_delay = 0.0
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)

    def send_pdu(self, primitive: Any) -> None:  # noqa: ANN401 - as pynetdicom's
        """Queue what is to be sent, and wake the thread."""
        super().send_pdu(primitive)
        self._ring()

    def kill_dul(self) -> None:
        """End the thread."""
        super().kill_dul()
        self._ring()

    def stop_dul(self) -> bool:
        """End the thread where the state machine is at rest; tell whether it was."""
        if self.state_machine.current_state != "Sta1":
            return False
        self.kill_dul()
        self.join()
        return True

    def run_reactor(self) -> None:
        """Run until the association is over."""
        try:
            super().run_reactor()
        except Exception as error:
            # The state machine has no answer to some orders of events that hostile peers bring about.
            _log.warning("an association was cut off: %s", type(error).__name__)
            self.assoc.is_aborted, self.assoc.is_established, self.assoc._kill = True, False, True
            if self.socket is not None and self.socket.socket is not None:
                self.socket.close()
        finally:
            cast(Any, self.to_user_queue).put(None)  # the association waits for no request any more
            self._bell.close()
            self._ear.close()

    def _ring(self) -> None:
        with suppress(OSError):  # full: it rings already; closed: there is nobody to hear
            self._bell.send(b"\0")

    def _decode_pdu(self, bytestream: bytearray) -> Any:  # noqa: ANN401 - as pynetdicom's
        """Return what was received and the event that it is."""
        if bytestream[0] != DATA_PDU:
            return super()._decode_pdu(bytestream)
        return DataPDU(bytestream), "Evt10"

    def _is_transport_event(self) -> bool:
        connection = cast(BoundedSocket, self.socket)
        if self.state_machine.current_state == "Sta13" or connection.socket is None:
            return super()._is_transport_event()
        crowded = self.assoc.dimse.msg_queue.qsize() >= _MOST_WAITING
        if self.event_queue.empty():
            self._wait(connection, deaf=crowded)
        return False if crowded else super()._is_transport_event()

    def _wait(self, connection: BoundedSocket, *, deaf: bool) -> None:
        if connection.pending and not deaf:
            return
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        if not deaf and connection.socket is not None and connection.socket.fileno() >= 0:
            poll.register(connection.socket, select.POLLIN)
        poll.poll(1000 * (0.01 if deaf else _NAP_S))
        with suppress(BlockingIOError):
            self._ear.recv(4096)


class _Messages(DIMSEServiceProvider):
    """Messages of one association: waited for, and counted byte by byte."""

    def __init__(self, association: Association, acceptance: Acceptance, room: Room) -> None:
        super().__init__(association)
        self._largest = acceptance.instance_bytes
        self._room = room
        self._held = 0
        self._refusal: int | None = None

    def get_msg(self, block: bool = False) -> Any:  # noqa: ANN401 - as pynetdicom's
        """Return the next message, or nothing where there is none for a moment."""
        if block:
            return super().get_msg(block=True)
        return cast(Checkpoint, self.assoc._reactor_checkpoint).message(self._next)

    def _next(self) -> Any:  # noqa: ANN401 - as pynetdicom's
        try:
            return self.msg_queue.get(timeout=_NAP_S)
        except queue.Empty:
            return NOTHING

    def refuse_next(self, status: int) -> None:
        """Have the next response bear this status.

        pynetdicom would first call the destination of a C-MOVE that is refused, to tell its failure after that.
        """
        self._refusal = status

    def send_msg(self, primitive: Any, context_id: int) -> None:  # noqa: ANN401 - as pynetdicom's
        """Send a message."""
        if self._refusal is not None:
            primitive.Status, self._refusal = self._refusal, None
        super().send_msg(primitive, context_id)

    def answer(self, request: C_STORE, context_id: int, status: int) -> None:
        """Answer a C-STORE request by the short way."""
        command = encoded_store_response(
            cast(int, request.MessageID),
            str(request.AffectedSOPClassUID),
            str(request.AffectedSOPInstanceUID),
            status,
        )
        answer = P_DATA()
        answer.presentation_data_value_list.append((context_id, b"\x03" + command))  # the command's last part
        self.dul.send_pdu(answer)

    def receive_primitive(self, primitive: Any) -> None:  # noqa: ANN401 - as pynetdicom's
        """Take a part of a message, where there is room for it."""
        size = sum(len(value) for _, value in primitive.presentation_data_value_list)
        if self._held + size > self._largest * _MOST_WAITING or not self._room.take(size):
            self._refuse()
            return
        self._held += size
        if self.message is None:
            self.message = cast(Any, store_message(primitive))
        super().receive_primitive(primitive)
        message = self.message
        if message is not None and message.data_set and message.data_set.tell() > self._largest:
            self._refuse()

    def _refuse(self) -> None:
        _log.warning("an association was aborted: its message is too large, or there is no memory for it now")
        self.message = None
        self.dul.event_queue.put("Evt19")

    def let_go(self) -> None:
        """Give back the memory of what was served; what came meanwhile is given back with the next."""
        if self.message is None and self.msg_queue.empty():
            held, self._held = self._held, 0
            self._room.give_back(held)

    def end(self) -> None:
        """Give back everything."""
        self.message = None
        held, self._held = self._held, 0
        self._room.give_back(held)


class Acceptor(Association):
    """An association that a peer asked for.

    Attributes:
        idle: Set while no request is being served.
    """

    def __init__(self, entity: ApplicationEntity, acceptance: Acceptance, room: Room) -> None:
        super().__init__(entity, "acceptor")
        self._reactor_checkpoint = Checkpoint()
        self.dul = _UpperLayer(self)
        self.dimse: _Messages = _Messages(self, acceptance, room)
        # Assigned again, because pynetdicom sets the timers of the upper layer then.
        self.acse_timeout, self.network_timeout = entity.acse_timeout, entity.network_timeout
        self.dul.to_user_queue = _Telling(self.dimse.msg_queue)
        self.idle = threading.Event()
        self.idle.set()

    @property
    def busy(self) -> bool:
        """Whether a message is being received or served."""
        return not self.idle.is_set() or self.dimse.message is not None or not self.dimse.msg_queue.empty()

    def run_reactor(self) -> None:
        """Serve until the association is over."""
        try:
            super().run_reactor()
        except Exception as error:
            # Its negotiation has no answer to, for one, a context without a transfer syntax.
            _log.warning("an association was aborted: %s", type(error).__name__)
            self.acse.send_abort(0x02)
            self.is_aborted = True
            self.kill()
        finally:
            self.dimse.end()

    def send_c_store(self, dataset: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as pynetdicom's
        """Send one instance of a C-GET; see `send_stored`."""
        return send_stored(super().send_c_store, dataset, *args, **options)

    def _serve_request(self, msg: Any, context_id: int) -> None:  # noqa: ANN401 - as pynetdicom's
        self.idle.clear()
        try:
            if not self._stored(msg, context_id):
                super()._serve_request(msg, context_id)
        finally:
            del msg
            self.dimse.let_go()
            self.idle.set()

    def _stored(self, request: Any, context_id: int) -> bool:  # noqa: ANN401 - as pynetdicom's
        """Serve a C-STORE request by the short way; tell whether that can be done."""
        context = self._accepted_cx.get(context_id)
        if (
            type(request) is not C_STORE
            or not request.is_valid_request
            or context is None
            or self._sent_release
        ):
            return False
        if 0 < self.dimse.maximum_pdu_size < LONGEST:
            return False
        status = evt.trigger(self, evt.EVT_C_STORE, {"request": request, "context": context.as_tuple})
        if self.is_established and status is not None:
            self.dimse.answer(request, context_id, status)
        return True
