"""An HL7 v2.5.1 ORU^R01: a preliminary observation that is critical (OBX-8 HH), over MLLP.

Sources: HL7 v2.5.1 chapters 2 and 7. OBR-25 and OBX-11 are P, as the AI's statement is preliminary; the codes are
those of LOINC (73568-8 Communication of Critical Results).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from firstread import __version__
from firstread.alerts.channels.base import LastWord
from firstread.alerts.configuration import Hl7
from firstread.alerts.messages import Message
from firstread.findings import NOTICE
from firstread.network.mllp import MllpPeer
from firstread.network.tls import TLSFiles, client_context
from firstread.settings import Settings

_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_LEVEL = {"minutes": "S", "hours": "A", "days": "R"}  # OBR-27.6 priority, table 0485: stat, ASAP, routine
_CONTROL_ID = 20  # characters of MSH-10


@dataclass(frozen=True)
class Oru:
    """A system that takes results; it knows a repetition by MSH-10."""

    channel: Hl7
    peer: MllpPeer
    repeatable: bool = True

    @classmethod
    def of(cls, name: str, channel: Hl7, settings: Settings) -> "Oru":
        """Return the channel.

        Raises:
            UsageError: the file of authorities cannot be used.
        """
        tls = client_context(TLSFiles(authorities=settings.alert_authorities)) if channel.tls else None
        return cls(channel, MllpPeer(channel.host, channel.port, channel.timeout_s, tls))

    def send(self, message: Message, last_word: LastWord) -> None:
        """Send the message and wait for its acknowledgement; see `Sender.send`."""
        text = oru(message, application=self.channel.application, facility=self.channel.facility)
        last_word()
        self.peer.send(text, control_id(message))


def control_id(message: Message) -> str:
    """Return MSH-10: the same at every try of a notification."""
    return message.key[:_CONTROL_ID]


def oru(message: Message, *, application: str = "", facility: str = "", at: datetime | None = None) -> str:
    """Return the message, its segments each ended by a carriage return.

    Args:
        message: What to tell.
        application: MSH-5, the receiver's name.
        facility: MSH-6.
        at: MSH-7; None: now.
    """
    moment, raised = _time(at or datetime.now(UTC)), _time(message.raised_at)
    service = "73568-8^Communication of Critical Results^LN"
    segments = [
        ["MSH", "^~\\&", "FIRSTREAD", "", _text(application), _text(facility), moment, "", "ORU^R01^ORU_R01",
         control_id(message), "P", "2.5.1", "", "", "", "", "", "UNICODE UTF-8"],
        ["PID", "1", "", f"{_text(message.patient_id)}^^^^PI", "", _name(message.patient_name), "",
         message.birth_date, message.sex if message.sex in ("M", "F", "O") else "U"],
        ["PV1", "1", "U", "", "", "", "", "", _provider(message.referring_physician)],
        ["ORC", "RE", _text(message.accession_number), "", "", "CM"],
        ["OBR", "1", _text(message.accession_number), f"FR{message.alert}", service, "", "", raised, "", "", "", "",
         "", "", "", "", _provider(message.referring_physician), "", _text(message.accession_number),
         "", "", "", raised, "", "RAD", "P", "", f"^^^^^{_LEVEL[message.level]}"],
    ]  # fmt: skip
    observations = [
        ("TX", service, f"{message.title}: {message.text}"),
        ("TX", "NOTICE^AI statement^99FIRSTREAD", f"{NOTICE}. Rule: {message.because}"),
        ("ST", "110180^Study Instance UID^DCM", message.study_uid),
        ("TS", "DEADLINE^To be acknowledged by^99FIRSTREAD", _time(message.deadline_at)),
    ]
    if message.link:
        observations.append(("ST", "LINK^Where it is acknowledged^99FIRSTREAD", message.link))
    for number, (kind, code, value) in enumerate(observations, start=1):
        flag = "HH" if number == 1 else ""
        segments.append(
            ["OBX", str(number), kind, code, "", _text(value), "", "", flag, "", "", "P", "", "", raised]
        )
    segments.append(["NTE", "1", "L", _text(f"firstread {__version__}, reader {message.reader}")])
    return "".join("|".join(segment).rstrip("|") + "\r" for segment in segments)


def _text(value: str) -> str:
    """Return a value with the delimiters escaped (chapter 2.7) and no control characters."""
    kept = "".join(each if each.isprintable() else " " for each in value)
    return "".join(_ESCAPES.get(each, each) for each in kept)


def _name(person: str) -> str:
    """Return a DICOM person name as XPN: family^given^middle^suffix^prefix; of several groups the first."""
    parts = person.split("=")[0].split("^")
    family, given, middle, prefix, suffix = (parts + [""] * 5)[:5]
    return "^".join(map(_text, (family, given, middle, suffix, prefix))).rstrip("^")


def _provider(person: str) -> str:
    return f"^{_name(person)}" if person else ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
