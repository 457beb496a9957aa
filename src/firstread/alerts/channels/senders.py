"""The channels of a configuration, ready to send."""

import hashlib
from dataclasses import dataclass

from firstread.alerts.channels.base import Sender
from firstread.alerts.channels.hl7 import Oru
from firstread.alerts.channels.mail import Mail
from firstread.alerts.channels.webhook import Hook
from firstread.alerts.configuration import Channel, Configuration, Email, Fhir, Hl7, Webhook
from firstread.errors import UsageError
from firstread.network.special_addresses import check_url
from firstread.settings import Settings


@dataclass
class Senders:
    """Makes the senders, and keeps each until its settings change."""

    settings: Settings
    _kept: dict[str, tuple[str, Sender]]

    @classmethod
    def of(cls, settings: Settings) -> "Senders":
        """Return the senders of an installation."""
        return cls(settings, {})

    def named(self, name: str, configuration: Configuration) -> Sender:
        """Return a channel's sender.

        Raises:
            UsageError: there is no such channel, or its settings cannot be used.
        """
        channel = configuration.channels.get(name)
        if channel is None:
            raise UsageError(f"There is no channel {name!r}.", remedy="Name it in alerts_file.")
        digest = hashlib.sha256(channel.model_dump_json().encode()).hexdigest()
        kept = self._kept.get(name)
        if kept is None or kept[0] != digest:
            kept = self._kept[name] = (digest, sender_of(name, channel, self.settings))
        return kept[1]


def sender_of(name: str, channel: Channel, settings: Settings) -> Sender:
    """Return what sends by a channel.

    Raises:
        UsageError: its settings cannot be used.
    """
    if isinstance(channel, Email):
        return Mail.of(name, channel, settings)
    if isinstance(channel, Webhook | Fhir):
        check_url(channel.url, settings)
    if isinstance(channel, Webhook):
        return Hook.of(name, channel, settings)
    if isinstance(channel, Hl7):
        return Oru.of(name, channel, settings)
    from firstread.alerts.channels.fhir import FhirServer  # fhir.resources takes half a second to load

    return FhirServer.of(name, channel, settings)


def unusable_channels(configuration: Configuration, settings: Settings) -> dict[str, str]:
    """Return what is wrong with channels whose settings cannot work, by name; none of them is called."""
    wrong: dict[str, str] = {}
    for name, channel in configuration.channels.items():
        try:
            sender_of(name, channel, settings)
        except UsageError as error:
            wrong[name] = str(error)
    return wrong
