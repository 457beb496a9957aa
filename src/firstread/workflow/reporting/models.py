"""The tables of the reports: report, its versions, signatures, decided findings, texts kept for use."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from firstread.archive.columns import Key, new_token, now
from firstread.archive.models import Base


class Report(Base):
    """The report of a study; what it says is in its versions, of which `version` is the newest.

    `state`: preliminary, final, amended, as of the newest signature; `amending` while a signed report is being
    changed. `token` is what its UIDs are made from.
    """

    __tablename__ = "report"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), unique=True)
    token: Mapped[str] = mapped_column(default=new_token, unique=True)
    state: Mapped[str] = mapped_column(default="preliminary", index=True)
    amending: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now, index=True)


class ReportVersion(Base):
    """One state of a report; never changed. `content` is a `Content` as JSON, of which `digest` is the sha256 (hex).

    `result_key` is the result whose findings it speaks of. `why`: drafted, saved, new result, signed, addendum,
    amending. `author` is the actor's name of the kind `author_kind`.
    """

    __tablename__ = "report_version"
    __table_args__ = (UniqueConstraint("report_key", "number"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report_key: Mapped[int] = mapped_column(ForeignKey("report.id", ondelete="CASCADE"))
    number: Mapped[int]
    result_key: Mapped[int] = mapped_column(ForeignKey("result.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    why: Mapped[str]
    author_kind: Mapped[str]
    author: Mapped[str]
    account: Mapped[int | None]
    content: Mapped[str]
    digest: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(default=now)


class Signing(Base):
    """A signature: who answers for a version, since when, and the documents of it.

    `kind`: final, amended or addendum. `folder` has the documents, relative to the archive's folder; `filed` tells
    that they are in the archive and their deliveries are queued: what was cut off before is done again, with the same
    UIDs. `predecessor` is the signature that this one takes the place of.
    """

    __tablename__ = "signing"
    __table_args__ = (UniqueConstraint("report_key", "version"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report_key: Mapped[int] = mapped_column(ForeignKey("report.id", ondelete="CASCADE"))
    version: Mapped[int]
    kind: Mapped[str]
    account: Mapped[int | None]
    name: Mapped[str]
    display_name: Mapped[str]
    organisation: Mapped[str] = mapped_column(default="")
    signed_at: Mapped[datetime] = mapped_column(default=now)
    folder: Mapped[str] = mapped_column(unique=True)
    sr_uid: Mapped[str] = mapped_column(unique=True)
    pdf_uid: Mapped[str] = mapped_column(unique=True)
    predecessor: Mapped[int | None] = mapped_column(ForeignKey("signing.id", ondelete="SET NULL"))
    filed: Mapped[bool] = mapped_column(default=False, index=True)
    error: Mapped[str] = mapped_column(default="")


class DecidedFinding(Base):
    """What became of a finding in a signed version, in numbers, for the statistics; sizes are mean diameters, mm.

    `verdict`: accepted, edited, rejected, added, or unreviewed. `reader`, `model` and `digest` name the AI's side;
    of several networks the last, which decides.
    """

    __tablename__ = "decided_finding"
    __table_args__ = (Index(None, "signed_at", "verdict"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    signing_key: Mapped[int] = mapped_column(ForeignKey("signing.id", ondelete="CASCADE"), index=True)
    verdict: Mapped[str]
    reader: Mapped[str]
    model: Mapped[str]
    digest: Mapped[str]
    person: Mapped[str]
    ai_mm: Mapped[float | None]
    person_mm: Mapped[float | None]
    ai_category: Mapped[str]
    person_category: Mapped[str]
    signed_at: Mapped[datetime]


class ReportText(Base):
    """A template or a macro: text kept for use in a section. `owner` is an account's name, "" for the whole site.

    `kind`: template (the text of a section from the start) or macro (inserted where its `name` is typed).
    """

    __tablename__ = "report_text"
    __table_args__ = (UniqueConstraint("owner", "kind", "name", "lang", "section"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    owner: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    lang: Mapped[str]
    section: Mapped[str]
    text: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(default=now)
