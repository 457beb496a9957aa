"""The page of the alerts: those that are open with their clocks, the numbers, and each with its history."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from firstread.access import Action
from firstread.access.audit.about import about
from firstread.alerts import acts
from firstread.alerts.models import OPEN
from firstread.alerts.queries import find_alert, list_alerts
from firstread.archive.database import reading
from firstread.network.dicomweb.problems import missing
from firstread.web.alerts.api import Acknowledging, Deciding, Number, Reading, change, configuration_of
from firstread.web.alerts.numbers import numbers_of
from firstread.web.alerts.shown import title_of
from firstread.web.pages.asked import archive_of
from firstread.web.pages.language import language_of
from firstread.web.pages.render import page

router = APIRouter(include_in_schema=False)

MOST = 500
_DAYS = 30

Text = Annotated[str, Form()]


@router.get("/alerts")
def alerts(request: Request, grant: Reading) -> Response:
    """Show the open alerts, or all."""
    every = request.query_params.get("show") == "all"
    archive, lang = archive_of(request), language_of(request)
    with reading(archive.engine) as connection:
        found = list_alerts(connection, within=grant.within, states=() if every else OPEN, limit=MOST)
        configuration = configuration_of(request, connection)
    about(request.scope).studies.update((each.study_uid, 0) for each in found)
    return page(
        request,
        "alerts.html",
        alerts=[(each, title_of(each, configuration.rules, lang)) for each in found],
        every=every,
        numbers=numbers_of(archive, grant.within, _DAYS),
        days=_DAYS,
        acknowledge_action=Action.ACKNOWLEDGE_ALERT,
        span=span,
    )


@router.get("/alerts/{alert}")
def alert(request: Request, alert: Number, grant: Reading) -> Response:
    """Show an alert with all that happened to it, and the forms to act on it."""
    with reading(archive_of(request).engine) as connection:
        configuration = configuration_of(request, connection)
        record = find_alert(connection, alert, grant.within)
    if record is None:
        raise missing()
    about(request.scope).studies[record.alert.study_uid] = 0
    return page(
        request,
        "alert.html",
        record=record,
        alert=record.alert,
        title=title_of(record.alert, configuration.rules, language_of(request)),
        chain=configuration.chain_of(record.alert.level),
        acknowledge_action=Action.ACKNOWLEDGE_ALERT,
        decide_action=Action.SIGN_REPORT,
        study_action=Action.READ_STUDY,
    )


@router.post("/alerts/{alert}/acknowledge")
def acknowledge(
    request: Request,
    alert: Number,
    grant: Acknowledging,
    how: Annotated[acts.How, Form()] = "web",
    recipient: Text = "",
    read_back: Text = "",
) -> Response:
    """Acknowledge it."""

    def act(connection: Connection) -> Any:  # noqa: ANN401
        return acts.acknowledge(
            connection,
            alert,
            grant.actor,
            configuration_of(request, connection),
            how=how,
            recipient=recipient,
            read_back=read_back,
            within=grant.within,
        )

    change(request, act)
    return _back(alert)


@router.post("/alerts/{alert}/confirm")
def confirm(request: Request, alert: Number, grant: Deciding) -> Response:
    """Confirm it."""
    change(request, lambda connection: acts.confirm(connection, alert, grant.actor, within=grant.within))
    return _back(alert)


@router.post("/alerts/{alert}/downgrade")
def downgrade(
    request: Request,
    alert: Number,
    grant: Deciding,
    level: Annotated[Literal["hours", "days"], Form()],
    reason: Text,
) -> Response:
    """Make it less urgent."""

    def act(connection: Connection) -> Any:  # noqa: ANN401
        known = configuration_of(request, connection)
        return acts.downgrade(connection, alert, grant.actor, level, reason, known, within=grant.within)

    change(request, act)
    return _back(alert)


@router.post("/alerts/{alert}/cancel")
def cancel(request: Request, alert: Number, grant: Deciding, reason: Text) -> Response:
    """End one that is none."""
    change(
        request,
        lambda connection: acts.cancel(connection, alert, grant.actor, reason, within=grant.within),
    )
    return _back(alert)


@router.post("/alerts/{alert}/close")
def close(request: Request, alert: Number, grant: Acknowledging) -> Response:
    """Close one that was acknowledged."""
    change(request, lambda connection: acts.close(connection, alert, grant.actor, within=grant.within))
    return _back(alert)


def span(seconds: float) -> tuple[int, int, int]:
    """Return days, hours and minutes, of a time that is left or has run out."""
    minutes = abs(timedelta(seconds=seconds)) // timedelta(minutes=1)
    days, rest = divmod(minutes, 1440)
    return days, *divmod(rest, 60)


def _back(alert: int) -> Response:
    return RedirectResponse(f"/alerts/{alert}", status_code=303)
