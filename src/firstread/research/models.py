"""The tables of research projects; what leads back to a patient is encrypted."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from firstread.archive.columns import Key, new_token, now
from firstread.archive.models import Base

WorkState = Literal["waiting", "done", "failed"]


class ResearchProject(Base):
    """A project, the options of the profile that it has, separated by commas, and its key, sealed.

    `sealer` tells by which key of the installation.
    """

    __tablename__ = "research_project"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    options: Mapped[str]
    sealed_key: Mapped[str]
    sealer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class CrosswalkEntry(Base):
    """What a pseudonym stands for (`kind` patient, study or series): `sealed`.

    `token` is a keyed hash of the original, so that it is there once and found again without being shown.
    """

    __tablename__ = "crosswalk"
    __table_args__ = (
        UniqueConstraint("project_key", "kind", "token"),
        Index(None, "project_key", "pseudonym"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    project_key: Mapped[int] = mapped_column(ForeignKey("research_project.id"))
    kind: Mapped[str]
    token: Mapped[str]
    pseudonym: Mapped[str]
    sealed: Mapped[str]
    sealer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Deidentification(Base):
    """One study on its way to a project: waiting, done, or failed for good.

    `destination` is one of the settings, `series` a JSON list of Series Instance UIDs. `content` is the sha256 (hex) of
    the instances' UIDs: a study that grows goes again. `workflow_id` is the durable workflow of this try. `error` names
    no patient.
    """

    __tablename__ = "deidentification"
    __table_args__ = (UniqueConstraint("study_key", "project_key", "destination", "content"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    project_key: Mapped[int] = mapped_column(ForeignKey("research_project.id"))
    destination: Mapped[str]
    route: Mapped[str]
    series: Mapped[str]
    content: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    instances: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    workflow_id: Mapped[str] = mapped_column(default=new_token, unique=True)
    next_try_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
