"""What a webhook is told of a result; its schema is docs/reference/event-schema.json."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from firstread.findings import NOTICE, Category, Code, Finding, ReaderIdentity, ReadResult
from firstread.findings.finding import Attenuation, Laterality, Lobe
from firstread.findings.result import Predecessor


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventFinding(_Value):
    """One finding in short."""

    id: str
    tracking_uid: str
    concept: Code
    probability: float
    laterality: Laterality | None
    lobe: Lobe | None
    attenuation: Attenuation | None
    mean_diameter_mm: float | None
    category: Category | None
    sop_instance_uid: str = Field(description="the image on which it is largest")


class ResultEvent(_Value):
    """A study was read. No patient is named, neither here nor in the links."""

    schema_version: Literal["1"] = "1"
    event: Literal["result"] = "result"
    id: str = Field(description="the same each time that this event is sent; also in Idempotency-Key")
    notice: str = NOTICE
    study_uid: str
    series_uid: str
    reader: ReaderIdentity
    predecessor: Predecessor | None = Field(description="the report that this result takes the place of")
    category: Category | None = Field(description="the study's, of its leading finding")
    findings: tuple[EventFinding, ...]
    warnings: int = Field(description="how many the report has")
    links: Mapping[str, str] = Field(
        description="DICOMweb URLs of the study and of the documents, by file name; none without public_url"
    )


class ReportEvent(_Value):
    """A report was signed. No patient is named, neither here nor in the links."""

    schema_version: Literal["1"] = "1"
    event: Literal["report"] = "report"
    id: str = Field(description="the same each time that this event is sent; also in Idempotency-Key")
    status: Literal["final", "amended", "appended"] = Field(description="as FHIR's DiagnosticReport has it")
    study_uid: str
    version: int = Field(description="of the report; that which was signed")
    signed_at: datetime
    sr_uid: str = Field(description="SOP Instance UID of the signed structured report")
    category: Category | None = Field(description="the study's, of the findings that stand")
    links: Mapping[str, str] = Field(
        description="DICOMweb URLs of the study and of the documents, by file name; none without public_url"
    )


class PingEvent(_Value):
    """`firstread destinations test` asks whether events arrive; there is nothing to do."""

    schema_version: Literal["1"] = "1"
    event: Literal["ping"] = "ping"
    id: str


def event_id(destination: str, content: bytes) -> str:
    """Return the identity of the event about a result: that of the destination and of the bytes of `result.json`."""
    return hashlib.sha256(destination.encode() + b"\0" + content).hexdigest()[:32]


def result_event(result: ReadResult, *, identity: str, links: Mapping[str, str]) -> ResultEvent:
    """Return the event about a result."""
    return ResultEvent(
        id=identity,
        study_uid=result.study_uid,
        series_uid=result.series_uid,
        reader=result.reader,
        predecessor=result.predecessor,
        category=result.category,
        findings=tuple(map(_in_short, result.findings)),
        warnings=len(result.warnings),
        links=links,
    )


def report_event(report: Mapping[str, Any], *, identity: str, links: Mapping[str, str]) -> ReportEvent:
    """Return the event about a signed report, from its `report.json`.

    Raises:
        ValueError: it is none.
    """
    last = report["signatures"][-1]
    category = report["stands"]["category"]
    return ReportEvent(
        id=identity,
        status="appended" if report["kind"] == "addendum" else report["kind"],
        study_uid=report["study_uid"],
        version=report["version"],
        signed_at=datetime.fromisoformat(last["signed_at"]),
        sr_uid=last["sr_uid"],
        category=Category.model_validate(category) if category is not None else None,
        links=links,
    )


def _in_short(finding: Finding) -> EventFinding:
    return EventFinding(
        id=finding.id,
        tracking_uid=finding.tracking_uid,
        concept=finding.concept,
        probability=finding.probability,
        laterality=finding.laterality,
        lobe=finding.lobe,
        attenuation=finding.attenuation,
        mean_diameter_mm=finding.diameter_mm.mean if finding.diameter_mm else None,
        category=finding.category,
        sop_instance_uid=finding.sop_instance_uid,
    )
