"""A FHIR R4 server that takes the Communication and the Task of an alert, each created once."""

import base64
from dataclasses import dataclass, field

from firstread.alerts.channels.base import LastWord
from firstread.alerts.channels.webhook import client_of
from firstread.alerts.communication import NOTIFICATION_SYSTEM, TASK_SUFFIX, communication, task
from firstread.alerts.configuration import Fhir
from firstread.alerts.messages import Message
from firstread.network.http_client import Client
from firstread.settings import Settings


@dataclass(frozen=True)
class FhirServer:
    """A server; conditional creation (If-None-Exist, FHIR R4 section 3.1.0.8.1) makes a repetition harmless."""

    url: str
    client: Client = field(repr=False)
    repeatable: bool = True

    @classmethod
    def of(cls, name: str, channel: Fhir, settings: Settings) -> "FhirServer":
        """Return the channel of this name.

        Raises:
            UsageError: the file of authorities cannot be used.
        """
        secret = settings.alert_secrets.get(name)
        word = secret.get_secret_value() if secret else ""
        if not word:
            return cls(channel.url, client_of(settings))
        is_basic = ":" in word
        shown = f"Basic {base64.b64encode(word.encode()).decode()}" if is_basic else f"Bearer {word}"
        return cls(channel.url, client_of(settings, headers={"Authorization": shown}))

    def send(self, message: Message, last_word: LastWord) -> None:
        """Create both; see `Sender.send`."""
        last_word()
        for resource, own in ((communication(message), ""), (task(message), TASK_SUFFIX)):
            answer = self.client.call(
                "POST",
                f"{self.url}/{resource.get_resource_type()}",
                headers={
                    "Content-Type": "application/fhir+json",
                    "If-None-Exist": f"identifier={NOTIFICATION_SYSTEM}|{message.key}{own}",
                },
                content=resource.model_dump_json(exclude_none=True).encode(),
            )
            if not 200 <= answer.status < 300:
                raise answer.failure("The FHIR server")
