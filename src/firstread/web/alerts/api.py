"""The JSON API of alerts: read, acknowledge, confirm, downgrade, cancel, close; statistics; a dry run of the rules."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.responses import Response

from firstread.access import Action, Grant, needs
from firstread.access.audit.about import about
from firstread.alerts import Configuration, acts, configuration_now
from firstread.alerts.configuration import describe
from firstread.alerts.dry_run import dry_run
from firstread.alerts.models import AlertState, Level
from firstread.alerts.queries import find_alert, list_alerts
from firstread.archive.database import reading, writing
from firstread.findings import ReadResult
from firstread.network.dicomweb.problems import RESPONSES, missing
from firstread.web.alerts.numbers import numbers_of
from firstread.web.alerts.shown import as_json, mine, recipients_of, record_as_json

router = APIRouter(prefix="/api/alerts", tags=["alerts"], responses=RESPONSES)

MOST = 1000

Reading = Annotated[Grant, Depends(needs(Action.READ_ALERT))]
Acknowledging = Annotated[Grant, Depends(needs(Action.ACKNOWLEDGE_ALERT))]
Deciding = Annotated[Grant, Depends(needs(Action.SIGN_REPORT))]
"""Whether a finding is there is a radiologist's to say, as in a report."""
Managing = Annotated[Grant, Depends(needs(Action.MANAGE_ALERTS))]
Number = Annotated[int, Field(ge=1, le=2**62)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Acknowledgement(_Body):
    """How somebody took notice. Who names no recipient acknowledges for themselves."""

    how: acts.How = "web"
    recipient: str = ""
    read_back: str = ""


class Reason(_Body):
    """Why."""

    reason: str


class Downgrade(Reason):
    """The level from now on, and why."""

    level: Literal["hours", "days"]


class Seen(_Body):
    """Alerts that a browser shows."""

    alerts: list[Number] = Field(max_length=MOST)


@router.get("")
def alerts(
    request: Request,
    grant: Reading,
    state: Annotated[list[AlertState] | None, Query()] = None,
    level: Annotated[list[Level] | None, Query()] = None,
    study: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> list[dict[str, Any]]:
    """List alerts, open ones first, by urgency."""
    with reading(request.app.state.archive.engine) as connection:
        found = list_alerts(
            connection,
            within=grant.within,
            states=state or (),
            levels=level or (),
            study_uid=study,
            limit=limit,
        )
    about(request.scope).studies.update((each.study_uid, 0) for each in found)
    return [as_json(each) for each in found]


@router.get("/mine")
def my_alerts(request: Request, grant: Acknowledging) -> list[dict[str, Any]]:
    """List the alerts that this actor is to acknowledge: what every page shows."""
    with reading(request.app.state.archive.engine) as connection:
        found = mine(connection, grant.actor, grant.within)
    about(request.scope).studies.update((each.study_uid, 0) for each in found)
    return [as_json(each) for each in found]


@router.post("/seen", status_code=204)
def seen(request: Request, grant: Acknowledging, body: Seen) -> Response:
    """Write down that a browser has shown alerts to this actor."""
    with writing(request.app.state.archive.engine) as connection:
        visible = {each.id for each in mine(connection, grant.actor, grant.within)}
        acts.mark_seen(
            connection,
            [each for each in body.alerts if each in visible],
            recipients_of(grant.actor) or ["anyone"],
        )
    return Response(status_code=204)


@router.get("/statistics")
def statistics(
    request: Request, grant: Reading, days: Annotated[int | None, Query(ge=1, le=36_500)] = None
) -> dict[str, Any]:
    """Say how many alerts are open and overdue, how long acknowledging took, and which channels fail."""
    return numbers_of(request.app.state.archive, grant.within, days)


@router.get("/configuration")
def configuration(request: Request, grant: Managing) -> dict[str, Any]:
    """Return the rules, clocks, chains and channels that hold; no secrets."""
    with reading(request.app.state.archive.engine) as connection:
        return dict(describe(configuration_of(request, connection)))


@router.post("/test")
def test(request: Request, grant: Managing, result: ReadResult) -> dict[str, Any]:
    """Say which rules would fire on a result (`result.json`), and why; nobody is told."""
    with reading(request.app.state.archive.engine) as connection:
        known = configuration_of(request, connection)
    return dry_run(result, known)


@router.get("/{alert}")
def alert(request: Request, alert: Number, grant: Reading) -> dict[str, Any]:
    """Return an alert with all that happened to it."""
    with reading(request.app.state.archive.engine) as connection:
        record = find_alert(connection, alert, grant.within)
    if record is None:
        raise missing()
    about(request.scope).studies[record.alert.study_uid] = 0
    return record_as_json(record)


@router.get("/{alert}/communication")
def communication(request: Request, alert: Number, grant: Reading) -> Response:
    """Return an alert's record as a FHIR R4 Communication (LOINC 73568-8)."""
    from firstread.alerts.communication import recorded  # fhir.resources takes half a second to load

    with reading(request.app.state.archive.engine) as connection:
        record = find_alert(connection, alert, grant.within)
    if record is None:
        raise missing()
    about(request.scope).studies[record.alert.study_uid] = 0
    content = recorded(record).model_dump_json(exclude_none=True)
    return Response(content, media_type="application/fhir+json")


@router.post("/{alert}/acknowledge")
def acknowledge(
    request: Request, alert: Number, grant: Acknowledging, body: Acknowledgement
) -> dict[str, Any]:
    """Acknowledge an alert; `ended` says whether that stopped its clock."""

    def act(connection: Connection) -> acts.Acknowledged | None:
        return acts.acknowledge(
            connection,
            alert,
            grant.actor,
            configuration_of(request, connection),
            how=body.how,
            recipient=body.recipient,
            read_back=body.read_back,
            within=grant.within,
        )

    done = change(request, act)
    return {"state": done.state, "ended": done.ended}


@router.post("/{alert}/confirm", status_code=204)
def confirm(request: Request, alert: Number, grant: Deciding) -> Response:
    """Write down that a radiologist saw the finding too."""
    change(request, lambda connection: acts.confirm(connection, alert, grant.actor, within=grant.within))
    return Response(status_code=204)


@router.post("/{alert}/downgrade", status_code=204)
def downgrade(request: Request, alert: Number, grant: Deciding, body: Downgrade) -> Response:
    """Make an alert less urgent."""

    def act(connection: Connection) -> bool | None:
        known = configuration_of(request, connection)
        done = acts.downgrade(
            connection, alert, grant.actor, body.level, body.reason, known, within=grant.within
        )
        return done

    change(request, act)
    return Response(status_code=204)


@router.post("/{alert}/cancel", status_code=204)
def cancel(request: Request, alert: Number, grant: Deciding, body: Reason) -> Response:
    """End an alert that is none."""

    def act(connection: Connection) -> bool | None:
        return acts.cancel(connection, alert, grant.actor, body.reason, within=grant.within)

    change(request, act)
    return Response(status_code=204)


@router.post("/{alert}/close", status_code=204)
def close(request: Request, alert: Number, grant: Acknowledging) -> Response:
    """Close an alert that was acknowledged."""
    change(request, lambda connection: acts.close(connection, alert, grant.actor, within=grant.within))
    return Response(status_code=204)


def change(request: Request, act: Callable[[Connection], Any]) -> Any:  # noqa: ANN401 - what `act` returns
    """Do something to an alert in a transaction.

    Raises:
        Problem: 404, there is no such alert, or it may not be seen.
    """
    with writing(request.app.state.archive.engine) as connection:
        done = act(connection)
    if not done:
        raise missing()
    return done


def configuration_of(request: Request, connection: Connection) -> Configuration:
    """Return what holds now: the site's file, and the rules that were changed in the browser.

    Raises:
        UsageError: it cannot be used.
    """
    return configuration_now(connection, request.app.state.settings)


def alerts_router() -> APIRouter:
    """Return the API; the app that includes it has `archive`, `door` and `settings` in its state."""
    return router
