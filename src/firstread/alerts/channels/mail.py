"""Mail by SMTP (RFC 5321), one person a mail; it names no patient unless the site allows it."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from firstread.alerts.channels.base import LastWord, Uncertain
from firstread.alerts.configuration import Email
from firstread.alerts.messages import Message
from firstread.errors import UsageError
from firstread.findings import NOTICE
from firstread.network.failures import PassingFailure, PermanentFailure
from firstread.network.tls import TLSFiles, client_context
from firstread.settings import Settings

_URGENCY = {"minutes": "CRITICAL (minutes)", "hours": "URGENT (hours)", "days": "IMPORTANT (days)"}
_PRIORITY = {"minutes": "1", "hours": "1", "days": "3"}
_POLICY = SMTP.clone(cte_type="7bit")  # not every server takes more
_OUR_FAULT = (530, 534, 535, 538)  # authentication; the server's state, not the recipient's


@dataclass(frozen=True)
class Mail:
    """A mail server. Nothing in SMTP tells a repetition, so that what may have been taken is not sent again."""

    channel: Email
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)

    @classmethod
    def of(cls, name: str, channel: Email, settings: Settings) -> "Mail":
        """Return the channel of this name.

        Raises:
            UsageError: it has a user and no password, or the file of authorities cannot be used.
        """
        secret = settings.alert_secrets.get(name)
        if channel.user is not None and secret is None:
            raise UsageError(f"The channel {name} has no password.", remedy="Set it in alert_secrets.")
        tls = client_context(TLSFiles(authorities=settings.alert_authorities))
        return cls(
            channel,
            secret.get_secret_value() if secret else "",
            None if channel.security == "none" else tls,
        )

    @property
    def repeatable(self) -> bool:
        """Whether the site rather has a mail twice than not at all."""
        return self.channel.when_uncertain == "send again"

    def send(self, message: Message, last_word: LastWord) -> None:
        """Send one mail; see `Sender.send`."""
        mail = self.mail(message)
        place = f"The mail server {self.channel.host}"
        is_said = False

        def said() -> None:
            nonlocal is_said
            last_word()
            is_said = True

        try:
            with self._server() as server:
                self._greet(server)
                _deliver(server, self.channel.sender, message.address, mail.as_bytes(), said)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise _failure(f"{place} refuses the recipient", code) from None
        except smtplib.SMTPResponseException as error:
            raise _failure(f"{place} answered", error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:  # ssl.SSLError is an OSError
            reason = (
                "its certificate is not believed"
                if "CERTIFICATE_VERIFY" in str(error)
                else type(error).__name__
            )
            if is_said:
                raise Uncertain(f"{place} did not say whether it took the mail: {reason}.") from None
            raise PassingFailure(f"{place} cannot be used: {reason}.") from None

    def mail(self, message: Message) -> EmailMessage:
        """Return the mail. Its Message-ID is that of the notification, whatever the try."""
        mail = EmailMessage(policy=_POLICY)
        mail["From"] = self.channel.sender
        mail["To"] = message.address
        mail["Subject"] = f"firstread alert {message.alert}: {_URGENCY[message.level]}"
        mail["Date"] = format_datetime(message.raised_at)
        mail["Message-ID"] = f"<{message.key}@{self.channel.sender.partition('@')[2]}>"
        mail["X-Priority"] = _PRIORITY[message.level]
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers of absent people
        lines = [
            f"{NOTICE}.",
            "",
            f"A study has a finding that must be acknowledged by {message.deadline_at:%Y-%m-%d %H:%M} UTC.",
        ]
        if message.escalation:
            lines.append("Nobody has acknowledged it yet: this is an escalation.")
        if not message.stands:
            lines.append("A later reading did not find it again: look at the study.")
        if self.channel.names_patient:
            lines += [
                "",
                f"Patient: {message.patient_name} ({message.patient_id})",
                f"Study: {message.study_date} {message.description} (accession {message.accession_number})",
                f"Alert: {message.title}",
                f"Finding: {message.text}",
            ]
        lines += [
            "",
            f"Acknowledge it: {message.link}" if message.link else "Open firstread to acknowledge it.",
        ]
        mail.set_content("\n".join(lines) + "\n")
        return mail

    def _server(self) -> smtplib.SMTP:
        channel = self.channel
        if channel.security == "tls":
            return smtplib.SMTP_SSL(channel.host, channel.port, timeout=channel.timeout_s, context=self.tls)
        return smtplib.SMTP(channel.host, channel.port, timeout=channel.timeout_s)

    def _greet(self, server: smtplib.SMTP) -> None:
        if self.channel.security == "starttls":
            server.starttls(context=self.tls)  # raises where the server does not offer it
        if self.channel.user is not None:
            server.login(self.channel.user, self.password)


def _deliver(server: smtplib.SMTP, sender: str, recipient: str, content: bytes, said: LastWord) -> None:
    """Send the envelope and, after the server said that it waits for the mail (354), the mail at once."""
    server.ehlo_or_helo_if_needed()
    code, answer = server.mail(sender)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, answer, sender)
    code, answer = server.rcpt(recipient)
    if code not in (250, 251):
        raise smtplib.SMTPRecipientsRefused({recipient: (code, answer)})
    server.putcmd("data")
    code, answer = server.getreply()
    if code != 354:
        raise smtplib.SMTPDataError(code, answer)
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    said()
    server.send(stuffed.rstrip(b"\r\n") + b"\r\n.\r\n")
    code, answer = server.getreply()
    if code != 250:
        raise smtplib.SMTPDataError(code, answer)


def _failure(what: str, code: int) -> PassingFailure | PermanentFailure:
    if 500 <= code < 600 and code not in _OUR_FAULT:
        return PermanentFailure(f"{what} for good ({code}).")
    return PassingFailure(f"{what} ({code}).")
