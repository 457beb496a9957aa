"""The tables of the audit trail; triggers of the database refuse to change or delete what they hold."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from firstread.archive.columns import Key
from firstread.archive.models import Base


class AuditEvent(Base):
    """An event. `id` is its number in the chain, without gaps; `content` is all of it, and what is hashed.

    The other columns repeat what is searched by. `chain` is the hash of the event before and of the content; `seal`
    is the keyed hash of that, by the key whose name is `sealer`, both "" without a key.
    """

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "actor", "id"), Index(None, "code", "id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    code: Mapped[str]
    subtype: Mapped[str]
    outcome: Mapped[int]
    actor: Mapped[str]
    content: Mapped[str]
    chain: Mapped[str]
    seal: Mapped[str]
    sealer: Mapped[str]


class AuditSubject(Base):
    """A patient (`kind` patient, a Patient ID) or a study (`kind` study, its UID) that an event was about."""

    __tablename__ = "audit_subject"
    __table_args__ = (Index(None, "value", "event_key"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    event_key: Mapped[int] = mapped_column(ForeignKey("audit_event.id"), index=True)
    kind: Mapped[str]
    value: Mapped[str]


class AuditHead(Base):
    """The one row that says where the chain ends, so that events missing at its end are missed."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Key)
    chain: Mapped[str]
    seal: Mapped[str]
    sealer: Mapped[str]


class AuditForwarded(Base):
    """The one row that says up to which event the collector has the trail, and which process sends it on."""

    __tablename__ = "audit_forwarded"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Key)
    holder: Mapped[str]
    held_until: Mapped[datetime]
