"""The tables of alerts: the alert, its history, who was told, who acknowledged it; channels; the lease; own rules.

An alert outlives its study's removal: it is the record that somebody was told. No patient is named in it.
"""

from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from firstread.archive.columns import Key, now
from firstread.archive.models import Base

Level = Literal["minutes", "hours", "days"]
AlertState = Literal["raised", "notified", "escalated", "acknowledged", "cancelled", "closed"]
NotificationState = Literal["waiting", "sending", "sent", "uncertain", "failed", "dropped"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""The most urgent first. ACR Actionable Reporting categories 1, 2 and 3 (Larson 2014): red, orange, yellow."""
OPEN: tuple[AlertState, ...] = ("raised", "notified", "escalated")
"""States in which a clock runs."""


class Alert(Base):
    """Something in a study that a person must know in time.

    `subject` tells the alerts of a study apart: one lesion (`finding:` and its tracking UID), or all that a rule found
    in it (`rule:` and its name). `level` is the one in force, `rule_level` what the rule gave: a radiologist may lower
    the first. `findings` and `also` are JSON. `round` is one more each time that the alert is raised anew because a
    later revision made it more urgent. `step` is the place in the chain, -1 before the first; nothing is due where
    `due_at` is None. `stands` is False where the newest revision found it no more.
    """

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("study_uid", "subject"),
        Index("ix_alert_state_due_at", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_key: Mapped[int | None] = mapped_column(ForeignKey("study.id", ondelete="SET NULL"), index=True)
    study_uid: Mapped[str]
    subject: Mapped[str]
    reader: Mapped[str]
    rule: Mapped[str]
    rule_level: Mapped[str]
    level: Mapped[str]
    state: Mapped[str] = mapped_column(default="raised")
    round: Mapped[int] = mapped_column(default=1)
    revision: Mapped[int] = mapped_column(default=1)
    stands: Mapped[bool] = mapped_column(default=True)
    title: Mapped[str]
    text: Mapped[str]
    because: Mapped[str]
    findings: Mapped[str] = mapped_column(default="[]")
    also: Mapped[str] = mapped_column(default="[]")
    chain: Mapped[str] = mapped_column(default="")
    step: Mapped[int] = mapped_column(default=-1)
    due_at: Mapped[datetime | None]
    raised_at: Mapped[datetime] = mapped_column(default=now, index=True)
    changed_at: Mapped[datetime] = mapped_column(default=now)
    deadline_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class AlertEvent(Base):
    """One thing that happened to an alert; rows are added and never changed. `detail` is a JSON object of texts."""

    __tablename__ = "alert_event"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    alert_key: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    kind: Mapped[str]
    actor_kind: Mapped[str]
    actor: Mapped[str]
    detail: Mapped[str] = mapped_column(default="{}")


class AlertNotification(Base):
    """One person told by one channel, once a round, however often it is tried.

    `recipient` is whom the channel finds under `address`; `person`, `email` and `account` are what other channels know
    them by. `key` is the identity that
    receivers know a repetition by. `claim` is the process that sends it; `sending` is written before the last word is
    sent, so that one found in it after its process ended may have arrived: it is then `uncertain`. `otherwise` is the
    JSON list of the channels still left to fall through to.
    """

    __tablename__ = "alert_notification"
    __table_args__ = (
        UniqueConstraint("alert_key", "round", "recipient", "channel", name="uq_alert_notification_once"),
        Index("ix_alert_notification_state_next_try_at", "state", "next_try_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    alert_key: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"))
    round: Mapped[int]
    step: Mapped[int]
    recipient: Mapped[str]
    name: Mapped[str]
    channel: Mapped[str]
    address: Mapped[str]
    person: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    account: Mapped[int | None] = mapped_column(Key)
    key: Mapped[str] = mapped_column(unique=True)
    otherwise: Mapped[str] = mapped_column(default="[]")
    state: Mapped[str] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    claim: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    fell_through_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class AlertAcknowledgement(Base):
    """Who took notice, when, how, and in which words: ACR Practice Parameter for Communication (2020).

    `recipient` is who was told; `recorded_by` who wrote it down, the same where people acknowledge for themselves.
    `ended` is whether it stopped the clock.
    """

    __tablename__ = "alert_acknowledgement"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    alert_key: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    round: Mapped[int]
    at: Mapped[datetime]
    recipient: Mapped[str]
    recorded_by_kind: Mapped[str]
    recorded_by: Mapped[str]
    how: Mapped[str]
    read_back: Mapped[str]
    ended: Mapped[bool]


class AlertChannel(Base):
    """A channel that fails: since when, how often, and until when nobody tries it."""

    __tablename__ = "alert_channel"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    failures: Mapped[int]
    failing_since: Mapped[datetime]
    try_after: Mapped[datetime]
    error: Mapped[str]


class AlertLease(Base):
    """The one row that says which process runs the clocks, and until when."""

    __tablename__ = "alert_lease"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    holder: Mapped[str]
    until: Mapped[datetime]


class AlertRules(Base):
    """What a site changed of its rules in the browser: a row a change, never changed itself; the newest holds.

    `content` is the JSON of all rules that differ from the files' (`site_rules.Changes`); `rule` is the one that this
    change was about, "" where it was several; `act` is what was done.
    """

    __tablename__ = "alert_rules"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(default=now)
    actor_kind: Mapped[str]
    actor: Mapped[str]
    act: Mapped[str]
    rule: Mapped[str]
    content: Mapped[str]
