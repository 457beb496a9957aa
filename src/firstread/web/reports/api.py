"""The report of a study over JSON: read, change, sign, look back. Every change says which version it was made on."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from firstread.access import Action, Grant, needs
from firstread.alerts.rules import Rule
from firstread.archive import Archive, claims
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from firstread.findings.finding import Point
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import RESPONSES, Problem
from firstread.web.alerts.api import configuration_of
from firstread.web.alerts.shown import title_of
from firstread.web.pages.asked import study_key
from firstread.web.pages.language import language_of
from firstread.web.pages.navigation import may
from firstread.web.reports.asked import OpenSeries, Seen, signatory_of, told
from firstread.web.reports.shown import (
    Json,
    alert_shown,
    content_shown,
    shown,
    signature_shown,
    version_shown,
)
from firstread.web.wording import page_wording
from firstread.workflow.reporting import signing
from firstread.workflow.reporting.alerted import alerted, confirm_signed
from firstread.workflow.reporting.by_hand import ByHand, entered
from firstread.workflow.reporting.changes import Change, changed, with_added
from firstread.workflow.reporting.content import LONGEST_REASON, LONGEST_SECTION
from firstread.workflow.reporting.filing import file_report
from firstread.workflow.reporting.history import difference, history
from firstread.workflow.reporting.report import Opened, open_report, save, version_content
from firstread.workflow.reporting.subject import subject_of
from firstread.workflow.result_folder import RESULT_JSON
from firstread.worklist.views import owner_of

router = APIRouter(prefix="/api/studies/{study}", tags=["report"], responses=RESPONSES)

Reads = Annotated[Grant, Depends(needs(Action.READ_PRELIMINARY))]
Edits = Annotated[Grant, Depends(needs(Action.EDIT_REPORT))]
Signs = Annotated[Grant, Depends(needs(Action.SIGN_REPORT))]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NewFinding(_Body):
    """A finding to add: a point that the engine measures at, or all of it by hand."""

    center_lps_mm: Point | None = None
    diameter_mm: float | None = Field(default=None, gt=0, le=150)
    by_hand: ByHand | None = None


class Secret(_Body):
    """The password, or the code of the second factor, of whoever signs."""

    password: str = Field(min_length=1, max_length=1024)


class Addendum(Secret):
    """An addendum and the signer's secret."""

    text: str = Field(min_length=1, max_length=LONGEST_SECTION)


class Amendment(_Body):
    """Why a signed report is to be changed."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON)


@router.get("/result")
def read_result(archive: OpenArchive, study: Uid, grant: Reads) -> Response:
    """Return `result.json` of the newest result, as the AI wrote it."""
    with told(), reading(archive.engine) as connection:
        subject = subject_of(connection, archive, study, within=grant.within)
    return FileResponse(archive.folder / subject.folder / RESULT_JSON, media_type="application/json")


@router.get("/report")
def read_report(request: Request, archive: OpenArchive, study: Uid, grant: Reads) -> Response:
    """Return the report as it stands, with every finding and what was decided of it."""
    with told():
        opened = open_report(archive, study, within=grant.within, actor=grant.actor)
    return _answer(request, archive, opened)


@router.patch("/report")
def change_report(
    request: Request, archive: OpenArchive, study: Uid, grant: Edits, seen: Seen, change: Change
) -> Response:
    """Change sections and decisions; 409 with what another wrote where the version was not the newest."""
    return _saved(request, archive, study, grant, seen, lambda opened: changed(opened, change, grant.actor))


@router.post("/findings", status_code=201)
def add_finding(
    request: Request,
    archive: OpenArchive,
    series: OpenSeries,
    study: Uid,
    grant: Edits,
    seen: Seen,
    new: NewFinding,
) -> Response:
    """Add a finding: the engine outlines and measures it at a point, or it is entered by hand."""
    if (new.by_hand is None) == (new.center_lps_mm is None):
        raise Problem(
            400, "A finding needs a point, or to be entered by hand.", remedy="Give one of the two."
        )
    with told():
        opened = open_report(archive, study, within=grant.within, actor=grant.actor)
        if new.by_hand is not None:
            finding = entered(new.by_hand, opened.result)
        else:
            assert new.center_lps_mm is not None
            finding = series.find(opened.subject, new.center_lps_mm, diameter_mm=new.diameter_mm)
    how = "hand" if new.by_hand is not None else "engine"
    return _saved(
        request,
        archive,
        study,
        grant,
        seen,
        lambda now: with_added(now, finding, "hand" if how == "hand" else "engine", grant.actor),
        status=201,
    )


@router.post("/findings/prepare", status_code=202)
def prepare_series(archive: OpenArchive, series: OpenSeries, study: Uid, grant: Edits) -> Response:
    """Begin to decode the series that was read, so that a finding that is pointed at is measured at once."""
    with told(), reading(archive.engine) as connection:
        subject = subject_of(connection, archive, study, within=grant.within)
    series.prepare(subject)
    return Response(status_code=202)


@router.post("/report/sign")
def sign_report(
    request: Request, archive: OpenArchive, study: Uid, grant: Signs, seen: Seen, secret: Secret
) -> Response:
    """Sign the report: it is final, and its documents go to the archive and on their way."""
    signatory = signatory_of(request, archive.engine, grant.actor, secret.password)
    with told(), writing(archive.engine) as connection:
        opened, key = signing.sign(
            connection, archive, study, grant.actor, signatory, expected=seen, within=grant.within
        )
        confirm_signed(connection, opened, grant.actor, _rules(request, connection), grant.within)
        claims.release(connection, opened.subject.study_key, owner=owner_of(grant.actor))
    return _filed(request, archive, opened, key)


@router.post("/report/addendum")
def add_addendum(
    request: Request, archive: OpenArchive, study: Uid, grant: Signs, seen: Seen, addendum: Addendum
) -> Response:
    """Add to a signed report, and sign what was added."""
    signatory = signatory_of(request, archive.engine, grant.actor, addendum.password)
    with told(), writing(archive.engine) as connection:
        opened, key = signing.add_addendum(
            connection,
            archive,
            study,
            grant.actor,
            signatory,
            text=addendum.text,
            expected=seen,
            within=grant.within,
        )
    return _filed(request, archive, opened, key)


@router.post("/report/amend")
def amend_report(
    request: Request, archive: OpenArchive, study: Uid, grant: Edits, seen: Seen, amendment: Amendment
) -> Response:
    """Open a signed report for changes; until it is signed again others read what was signed."""
    with told(), writing(archive.engine) as connection:
        _claim(request, connection, study, grant)
        opened = signing.begin_amendment(
            connection,
            archive,
            study,
            grant.actor,
            reason=amendment.reason,
            expected=seen,
            within=grant.within,
        )
    return _answer(request, archive, opened)


@router.delete("/report/amend")
def give_up_amendment(
    request: Request, archive: OpenArchive, study: Uid, grant: Edits, seen: Seen
) -> Response:
    """Go back to what was signed last."""
    with told(), writing(archive.engine) as connection:
        opened = signing.give_up_amendment(
            connection, archive, study, grant.actor, expected=seen, within=grant.within
        )
        claims.release(connection, opened.subject.study_key, owner=owner_of(grant.actor))
    return _answer(request, archive, opened)


@router.get("/report/history")
def read_history(archive: OpenArchive, study: Uid, grant: Reads) -> Json:
    """Return every version: number, why, by whom, when; and the signatures."""
    with told():
        opened = open_report(archive, study, within=grant.within)
    with reading(archive.engine) as connection:
        return {
            "versions": [version_shown(one) for one in history(connection, opened.key)],
            "signatures": [signature_shown(one) for one in signing.signatures(connection, opened.key)],
        }


@router.get("/report/history/{number}")
def read_version(archive: OpenArchive, study: Uid, grant: Reads, number: int) -> Json:
    """Return what one version says, whole."""
    with told():
        opened = open_report(archive, study, within=grant.within)
        with reading(archive.engine) as connection:
            return content_shown(version_content(connection, opened.key, number))


@router.get("/report/diff")
def read_difference(
    archive: OpenArchive,
    study: Uid,
    grant: Reads,
    before: Annotated[int, Query(ge=1)] = 1,
    after: Annotated[int | None, Query(ge=1)] = None,
) -> Json:
    """Return how two versions differ, as a unified diff; without numbers, the first and the newest."""
    with told():
        opened = open_report(archive, study, within=grant.within)
        with reading(archive.engine) as connection:
            return {"diff": difference(connection, opened.key, before, after or opened.version)}


def _saved(
    request: Request,
    archive: Archive,
    study: str,
    grant: Grant,
    seen: int,
    change: Any,  # noqa: ANN401 - what `save` takes
    *,
    status: int = 200,
) -> Response:
    with told(), writing(archive.engine) as connection:
        _claim(request, connection, study, grant)
        opened = save(
            connection, archive, study, grant.actor, expected=seen, change=change, within=grant.within
        )
    return _answer(request, archive, opened, status=status)


def _claim(request: Request, connection: Connection, study: str, grant: Grant) -> None:
    """Claim a study that somebody begins to edit; where another reads it, the answer says so and nothing is refused."""
    key = study_key(connection, study, grant, locked=True)
    name = grant.actor.name or page_wording(language_of(request))("frame.this_computer")
    with suppress(claims.ClaimedByOther):
        claims.claim(connection, key, owner=owner_of(grant.actor), name=name)


def _rules(request: Request, connection: Connection) -> tuple[Rule, ...]:
    """Return the rules of alerts; none where they cannot be used, so that a report can be signed all the same."""
    try:
        return configuration_of(request, connection).rules
    except UsageError:
        return ()


def _answer(request: Request, archive: Archive, opened: Opened, *, status: int = 200) -> Response:
    alerts, lang = may(request, Action.READ_ALERT), language_of(request)
    with reading(archive.engine) as connection:
        signatures = signing.signatures(connection, opened.key)
        held = claims.holder(connection, opened.subject.study_key)
        rules = _rules(request, connection)
        found = alerted(connection, opened, rules, alerts.within) if alerts is not None else ()
    by_other = held is not None and held.owner != owner_of(request.state.actor)
    said = shown(
        opened,
        signatures,
        reads=held.name if held is not None and by_other else "",
        alerts=[alert_shown(one, title_of(one.alert, rules, lang)) for one in found],
    )
    return JSONResponse(said, status, {"ETag": f'"{opened.version}"'})


def _filed(request: Request, archive: Archive, opened: Opened, key: int) -> Response:
    """Write the documents at once; what fails now is done by the next sweep of a worker."""
    file_report(archive, request.app.state.settings, key)
    return _answer(request, archive, opened)
