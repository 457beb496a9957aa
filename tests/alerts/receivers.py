"""Real receivers of alerts: a mail server (aiosmtpd), an HL7 listener (python-hl7), each in a thread of its own."""

import asyncio
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy

import hl7
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hl7.mllp import start_hl7_server

from tests.waiting import free_port


class Mailboxes:
    """What a mail server took; `answers` are what it says to the next mails in place of 250."""

    def __init__(self):
        self.mails, self.answers, self.refused, self.secured = [], [], set(), []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 no such mail box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("250") or answer == "taken, then gone":
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            self.secured.append(session.ssl is not None)
        if answer == "taken, then gone":
            server.transport.abort()
            return "421 gone"
        return answer


@contextmanager
def mail_server(*, starttls=None, tls=None, login=None, port=None):
    """A mail server on this computer: its mail boxes and its port."""
    boxes = Mailboxes()
    options = {}
    if starttls is not None:
        options |= {"tls_context": starttls, "require_starttls": True}
    if login is not None:

        def check(server, session, envelope, mechanism, data):
            return AuthResult(success=(data.login.decode(), data.password.decode()) == login)

        options |= {"authenticator": check, "auth_required": True}
    if tls is not None:
        options |= {"ssl_context": tls}
    controller = Controller(boxes, hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield boxes, controller.port
    finally:
        controller.stop()


@contextmanager
def hl7_listener(answer="AA", *, tls=None):
    """An HL7 v2 system: the messages that it took, parsed, and its port. `answer` is MSA-1."""
    got, port, ready, stopping = [], free_port(), threading.Event(), threading.Event()

    async def take(reader, writer):
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                got.append(message)
                said = message.create_ack(answer)
                writer.writemessage(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve():
        server = await start_hl7_server(take, host="127.0.0.1", port=port, ssl=tls, encoding="utf-8")
        ready.set()
        async with server:
            while not stopping.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield got, port
    finally:
        stopping.set()
        thread.join(10)


def parsed(text):
    return hl7.parse(text)
