"""The tables of rights: rules, roles, what an actor holds, collections of studies, who treats whom, broken glass.

An actor is named `KIND:NAME`, as `Actor.key` has it. What an account holds by itself (roles, departments, names by
which DICOM knows it) is the account's; `Holding` adds to it, and is all that nodes and services have.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from firstread.archive.columns import Key, now
from firstread.archive.models import Base


class Rule(Base):
    """One right, given (effect allow) or taken (deny): a line of casbin's policy.

    `subject` is `role:NAME` or an actor; `action` one of `Action`, or *; `scope` as `scope.parse_scope` reads it.
    """

    __tablename__ = "access_rule"
    __table_args__ = (UniqueConstraint("subject", "action", "scope", "effect"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    subject: Mapped[str]
    action: Mapped[str]
    scope: Mapped[str] = mapped_column(default="*")
    effect: Mapped[str] = mapped_column(default="allow")
    created_by: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Role(Base):
    """A bundle of rights that has a name; its rights are the rules with the subject `role:NAME`."""

    __tablename__ = "access_role"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str]


class PolicyVersion(Base):
    """The number of changes to the rules: whoever has an older policy in memory reads it anew. One row."""

    __tablename__ = "access_policy"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    version: Mapped[int]


class Holding(Base):
    """What an actor holds: a role, a department, a project, or a name or code by which DICOM knows it (referring)."""

    __tablename__ = "access_holding"
    __table_args__ = (UniqueConstraint("actor", "kind", "value"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    actor: Mapped[str]
    kind: Mapped[str]
    value: Mapped[str]


class Collection(Base):
    """Studies that belong together whatever their department: `kind` is project or dataset."""

    __tablename__ = "access_collection"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]


class CollectedStudy(Base):
    """A study of a collection."""

    __tablename__ = "access_collected_study"
    __table_args__ = (UniqueConstraint("collection_key", "study_key"), Index(None, "study_key"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    collection_key: Mapped[int] = mapped_column(ForeignKey("access_collection.id", ondelete="CASCADE"))
    study_key: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))


class Treatment(Base):
    """A patient whom an actor treats, until a moment where there is one."""

    __tablename__ = "access_treatment"
    __table_args__ = (UniqueConstraint("actor", "patient_key"), Index(None, "patient_key"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    actor: Mapped[str]
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    until: Mapped[datetime | None]


class BrokenGlass(Base):
    """An actor took a right that it did not have, for a reason and a time; an auditor looks at each.

    `scope` is one patient's or one study's. Nothing here is ever removed.
    """

    __tablename__ = "access_broken_glass"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    actor: Mapped[str] = mapped_column(index=True)
    scope: Mapped[str]
    reason: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reviewed_by: Mapped[str] = mapped_column(server_default=text("''"))
    reviewed_at: Mapped[datetime | None]
