"""A signed JSON event to a URL: docs/reference/webhook.md says how receivers check it."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from firstread.alerts.channels.base import LastWord
from firstread.alerts.configuration import Webhook
from firstread.alerts.messages import Message
from firstread.errors import UsageError
from firstread.findings import NOTICE
from firstread.network.http_client import Client
from firstread.network.signature import SHORTEST_KEY, signature
from firstread.network.tls import TLSFiles, client_context
from firstread.settings import Settings


@dataclass(frozen=True)
class Hook:
    """A URL that takes events; a repetition has the same Idempotency-Key."""

    url: str
    key: bytes = field(repr=False)
    client: Client = field(repr=False)
    repeatable: bool = True

    @classmethod
    def of(cls, name: str, channel: Webhook, settings: Settings) -> "Hook":
        """Return the channel of this name.

        Raises:
            UsageError: it has no key, or one that is too short.
        """
        secret = settings.alert_secrets.get(name)
        key = secret.get_secret_value() if secret else ""
        if len(key) < SHORTEST_KEY:
            raise UsageError(
                f"The channel {name} has no key, or one of fewer than {SHORTEST_KEY} characters.",
                remedy="Set it in alert_secrets.",
            )
        return cls(channel.url, key.encode(), client_of(settings))

    def send(self, message: Message, last_word: LastWord) -> None:
        """Post the event; see `Sender.send`."""
        body = json.dumps(event(message), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Firstread-Signature": signature(self.key, body, int(time.time())),
            "Idempotency-Key": message.key,
        }
        last_word()
        answer = self.client.call("POST", self.url, headers=headers, content=body)
        if not 200 <= answer.status < 300:
            raise answer.failure("The webhook")


def client_of(settings: Settings, **options: Any) -> Client:  # noqa: ANN401 - those of Client
    """Return what calls the servers of channels."""
    return Client(client_context(TLSFiles(authorities=settings.alert_authorities)), **options)


def event(message: Message) -> dict[str, Any]:
    """Return what a webhook is told of an alert. No patient is named."""
    return {
        "schema_version": "1",
        "event": "alert",
        "id": message.key,
        "notice": NOTICE,
        "alert": message.alert,
        "revision": message.revision,
        "level": message.level,
        "title": message.title,
        "text": message.text,
        "because": message.because,
        "still_found": message.stands,
        "confirmed": message.confirmed,
        "escalation": message.escalation,
        "raised_at": message.raised_at.isoformat(),
        "acknowledge_by": message.deadline_at.isoformat(),
        "study_uid": message.study_uid,
        "link": message.link,
    }
