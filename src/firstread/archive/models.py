"""The tables of the archive: patient, study, series, instance; and what became of them: job, result, delivery, worker.

Values of DICOM are kept as they are matched: dates as YYYYMMDD, times as HHMMSS.FFFFFF, texts without control
characters, absent ones as "". Only what is searched or listed has a column; everything else is in the file.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, ForeignKey, Index, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from firstread.archive.columns import Key, Moment, Text, new_token, now

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
DeliveryState = Literal["waiting", "sent", "failed", "dropped"]


class Base(DeclarativeBase):
    """All tables; constraints have names, so that a migration can speak of them."""

    type_annotation_map = {str: Text, datetime: Moment}  # noqa: RUF012 - SQLAlchemy reads it from the class
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Patient(Base):
    """A person, as Patient ID and Issuer of Patient ID tell persons apart.

    `key` is both of them, or, where there is no Patient ID, the Study Instance UID: two studies without a
    Patient ID are never taken for one person's.
    """

    __tablename__ = "patient"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    patient_id: Mapped[str] = mapped_column(index=True)
    issuer: Mapped[str]
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(index=True)
    birth_date: Mapped[str]
    sex: Mapped[str]


class PatientWord(Base):
    """A word of a patient's name, as `names.words` gives them: what fuzzy matching looks up."""

    __tablename__ = "patient_word"
    __table_args__ = (UniqueConstraint("patient_key", "word"), Index(None, "word", "patient_key"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"))
    word: Mapped[str]


class Study(Base):
    """A study, of the patient with whom it came first.

    `inconsistent`: an instance came with another patient; `conflicts`: so many came again with other bytes;
    `held` keeps it from retention. The numbers count the first version of each instance. `routed_at` is the
    `last_received_at` of what was routed; None where nothing was yet. Until `expected_until` more may come: an
    association that brought some of it is open.

    `department` is the one whose study it is, as `firstread.archive.departments` has it from `sender` (the source of
    the first instance), `institution` and `institutional_department`. `referring_key` is the referring physician's
    name as `names.person_key` gives it, `referring_id` the code that identifies the physician.
    """

    __tablename__ = "study"
    # Most studies may lack what a physician is known by: an index with them would look as if it told nothing apart.
    __table_args__ = (
        Index("ix_study_date_time", "study_date", "study_time", "id"),
        *(
            Index(
                f"ix_study_{column}", column,
                sqlite_where=text(f"{column} != ''"), postgresql_where=text(f"{column} != ''"),
            )
            for column in ("referring_key", "referring_id")
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    patient_key: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    study_uid: Mapped[str] = mapped_column(unique=True)
    study_id: Mapped[str]
    study_date: Mapped[str]
    study_time: Mapped[str]
    accession_number: Mapped[str] = mapped_column(index=True)
    description: Mapped[str]
    referring_physician: Mapped[str]
    referring_key: Mapped[str] = mapped_column(server_default=text("''"))
    referring_id: Mapped[str] = mapped_column(server_default=text("''"))
    department: Mapped[str] = mapped_column(server_default=text("''"), index=True)
    sender: Mapped[str] = mapped_column(server_default=text("''"))
    institution: Mapped[str] = mapped_column(server_default=text("''"))
    institutional_department: Mapped[str] = mapped_column(server_default=text("''"))
    number_of_series: Mapped[int]
    number_of_instances: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(default=now)
    last_received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    routed_at: Mapped[datetime | None]
    expected_until: Mapped[datetime | None]
    conflicts: Mapped[int] = mapped_column(default=0)
    inconsistent: Mapped[bool] = mapped_column(default=False)
    held: Mapped[bool] = mapped_column(default=False)


class DepartmentRule(Base):
    """Whose study it is that came from this sender, institution or department: `kind` is ae, institution or department.

    `value` is folded, as `names.folded` folds names.
    """

    __tablename__ = "department_rule"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str]
    value: Mapped[str]
    department: Mapped[str]


class Series(Base):
    """A series of a study. The same Series UID in another study is another series.

    `step_…`: when the performed procedure step began; the IDs are those of the first of its Request Attributes.
    """

    __tablename__ = "series"
    __table_args__ = (
        UniqueConstraint("study_key", "series_uid"),
        Index(None, "study_key", "modality"),
        Index(None, "modality", "study_key"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    series_uid: Mapped[str] = mapped_column(index=True)
    modality: Mapped[str]
    number: Mapped[int | None]
    description: Mapped[str]
    body_part: Mapped[str]
    step_date: Mapped[str] = mapped_column(server_default=text("''"))
    step_time: Mapped[str] = mapped_column(server_default=text("''"))
    scheduled_step_id: Mapped[str] = mapped_column(server_default=text("''"))
    requested_procedure_id: Mapped[str] = mapped_column(server_default=text("''"))
    number_of_instances: Mapped[int]


class Instance(Base):
    """A stored file. Version 1 is what came first under a SOP Instance UID, and what is served.

    Other bytes under the same UID are kept as version 2, 3 …, for a person to look at.

    `file` is relative to the folder of instances; `file_digest` is the sha256 (hex) of the file,
    `dataset_digest` that of its data set, without the file meta information.
    """

    __tablename__ = "instance"
    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "version"),
        UniqueConstraint(
            "sop_instance_uid", "dataset_digest", "transfer_syntax_uid", name="uq_instance_content"
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    series_key: Mapped[int] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), index=True)
    sop_instance_uid: Mapped[str]
    version: Mapped[int]
    sop_class_uid: Mapped[str]
    transfer_syntax_uid: Mapped[str]
    number: Mapped[int | None]
    rows: Mapped[int | None]
    columns: Mapped[int | None]
    frames: Mapped[int | None]
    bits_allocated: Mapped[int | None]
    file: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    file_digest: Mapped[str]
    dataset_digest: Mapped[str]
    source: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """One reading of a study by one reader: waiting, running, done, failed (for good) or cancelled.

    A study that grows after it was read, or while it is, is read again: as the next revision, whose `predecessor` is
    the job before.

    `priority` is 0 stat, 1 urgent, 2 routine. `destinations` is a JSON list of names. `series_uid` is the series to
    read; "" leaves the choice to the reader. `attempts` counts reads that were begun. `workflow_id` is the durable
    workflow of this try, another one each time the job waits anew; nothing starts before `next_try_at`. `claim` is
    the token of the attempt that runs; whoever holds another one has lost the job. `images` and `content` are how
    many images the read saw, and the sha256 (hex) of their UIDs. `stage` and `progress` (0 to 1) are where it is.
    `error` names no patient.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("study_key", "reader", "revision"),
        {
            "sqlite_autoincrement": True
        },  # the number names a folder: that of a removed job is never used again
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    reader: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    predecessor: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    route: Mapped[str] = mapped_column(default="")
    series_uid: Mapped[str] = mapped_column(default="")
    lang: Mapped[str] = mapped_column(default="en")
    destinations: Mapped[str] = mapped_column(default="[]")
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    priority: Mapped[int] = mapped_column(default=2)
    attempts: Mapped[int] = mapped_column(default=0)
    workflow_id: Mapped[str] = mapped_column(default=new_token, unique=True)
    next_try_at: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(default="")
    claim: Mapped[str] = mapped_column(default="")
    stage: Mapped[str] = mapped_column(default="")
    progress: Mapped[float] = mapped_column(default=0.0)
    images: Mapped[int] = mapped_column(default=0)
    content: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class DeployedModel(Base):
    """A model package that a host reads studies with, from when to when; rows are kept for ever.

    `digest` is that of the package (sha256, hex). Of a name a host has one at a time; `until` is None while it holds.
    """

    __tablename__ = "deployed_model"
    __table_args__ = (
        Index(
            "uq_deployed_model_now", "host", "name", unique=True,
            sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    host: Mapped[str]
    name: Mapped[str]
    version: Mapped[str]
    digest: Mapped[str] = mapped_column(index=True)
    since: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime | None]


class Result(Base):
    """What a job found: where its result folder is, relative to the archive's, and the digest of result.json.

    `summary` is a JSON list of what a worklist shows of it (`firstread.workflow.summary`). `predecessor` is the result
    that this one takes the place of.
    """

    __tablename__ = "result"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    job_key: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), unique=True)
    folder: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str]
    category: Mapped[str] = mapped_column(default="")
    summary: Mapped[str] = mapped_column(default="[]", server_default=text("'[]'"))
    predecessor: Mapped[int | None] = mapped_column(ForeignKey("result.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """One document of a result on its way to one destination: waiting, sent, failed for good, or dropped by a person.

    `folder` has the document, relative to the archive's; "" for that of the result. `attempts` counts the tries that
    failed; the next is not before `next_try_at`. `workflow_id` is the durable workflow of this try.
    """

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("result_key", "destination", "document", "folder"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    result_key: Mapped[int] = mapped_column(ForeignKey("result.id", ondelete="CASCADE"))
    destination: Mapped[str]
    document: Mapped[str]
    folder: Mapped[str] = mapped_column(default="", server_default=text("''"))
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    workflow_id: Mapped[str] = mapped_column(default=new_token, unique=True)
    next_try_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class Worker(Base):
    """A process that reads: `process` tells it from others on its host, `seen_at` is its last sign of life."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    process: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Removal(Base):
    """A study that retention removed: when, by which rule, and how much it was. No patient is named."""

    __tablename__ = "removal"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_uid: Mapped[str] = mapped_column(index=True)
    rule: Mapped[str]
    instances: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    removed_at: Mapped[datetime] = mapped_column(default=now)


class Notice(Base):
    """Something that whoever looks at a page is told at once, written with what it tells of; see `notices.tell`.

    `study_key` is of the study that it is about, None: of none. `needs` is the right without which nobody is told it.
    `account`: only this one is. `content` is a JSON object without anything of a patient.
    """

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str]
    study_key: Mapped[int | None] = mapped_column(Key)
    needs: Mapped[str]
    account: Mapped[int | None] = mapped_column(Key)
    content: Mapped[str] = mapped_column(default="{}")
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class WorklistEntry(Base):
    """A study as a worklist shows it: what is sorted and filtered by, kept by `firstread.archive.worklist`.

    `listed`: something of it came by itself, so that it is to be read; a prior that was fetched is not. `urgency` is 0
    critical, 1 stat, 2 urgent, 3 routine, of `alert` and `priority`, the most urgent of its jobs. `alert` is the level
    of its gravest open alert, "" for none. `report` is "" before somebody works at one, in_review, or signed. `job` is
    the one that is told of, `summary` as in `Result`. `since` is when the study began to wait.
    """

    __tablename__ = "worklist_entry"
    __table_args__ = (
        Index("ix_worklist_entry_order", "listed", "urgency", "since", "study_key"),
        Index("ix_worklist_entry_stage", "listed", "stage"),
    )

    study_key: Mapped[int] = mapped_column(
        Key, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    listed: Mapped[bool] = mapped_column(default=False)
    stage: Mapped[str] = mapped_column(default="arriving")
    urgency: Mapped[int] = mapped_column(default=3)
    priority: Mapped[int] = mapped_column(default=2)
    alert: Mapped[str] = mapped_column(default="")
    report: Mapped[str] = mapped_column(default="")
    job: Mapped[int | None] = mapped_column(Key)
    category: Mapped[str] = mapped_column(default="")
    summary: Mapped[str] = mapped_column(default="[]")
    modalities: Mapped[str] = mapped_column(default="")
    since: Mapped[datetime] = mapped_column(default=now)


class ReadingClaim(Base):
    """Somebody reads a study, or did: until `released_at`. No study has two that are not released.

    `owner` is of whom, as `claims.owner_of` says; `name` is how others call them. `former` is the claim that was taken
    over, `reason` why.
    """

    __tablename__ = "reading_claim"
    __table_args__ = (
        Index(
            "uq_reading_claim_open",
            "study_key",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    owner: Mapped[str]
    name: Mapped[str]
    former: Mapped[int | None] = mapped_column(ForeignKey("reading_claim.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(default="")
    claimed_at: Mapped[datetime] = mapped_column(default=now)
    released_at: Mapped[datetime | None]


class SavedView(Base):
    """A worklist's filters under a name, of one person; `query` is as in the address, without a question mark."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("owner", "name"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
