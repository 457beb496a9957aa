"""The rules of alerts, for whoever manages them: change one, try it on what was read, look back and go back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from firstread.access import Action, Grant, needs
from firstread.access.audit import Event, EventCode, record
from firstread.access.audit.about import about
from firstread.access.audit.subjects import patients_of
from firstread.alerts import load_configuration
from firstread.alerts.configuration import over, shipped
from firstread.alerts.models import LEVELS
from firstread.alerts.past import Tried, try_on
from firstread.alerts.rules import Rule
from firstread.alerts.site_rules import (
    Changes,
    change,
    history,
    named,
    newest,
    version,
    with_changes,
)
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.results import newest_results
from firstread.errors import UsageError
from firstread.network.dicomweb.problems import missing
from firstread.web.alerts.api import configuration_of
from firstread.web.alerts.rule_form import (
    CHOICES,
    LISTS,
    RANGES,
    Problems,
    Values,
    read_values,
    rule_of,
    values_of,
)
from firstread.web.pages.asked import archive_of
from firstread.web.pages.navigation import may
from firstread.web.pages.render import page

router = APIRouter(include_in_schema=False)

RULES = "/alert-rules"
MOST_RESULTS = 500
"""A dry run asks so many results at most, the latest."""
LONGEST_DAYS = 366
_USUAL_DAYS = 30

Managing = Annotated[Grant, Depends(needs(Action.MANAGE_ALERTS))]
Seen = Annotated[int, Form(ge=0)]


async def _sent(request: Request) -> FormData:
    return await request.form()


@router.get(RULES)
def rules(request: Request, grant: Managing) -> Response:
    """List the rules that hold, and what was changed of them."""
    with reading(archive_of(request).engine) as connection:
        held, past = newest(connection), history(connection)
    problem, changes = "", Changes()
    try:
        changes = held.changes
    except UsageError as error:
        problem = str(error)
    base = load_configuration(request.app.state.settings)
    own = {each.name for each in changes.rules}
    in_files = {each.name for each in base.rules}
    return page(
        request,
        "alert_rules.html",
        rules=[(rule, _origin(rule, own, in_files)) for rule in with_changes(base, changes).rules],
        held=held,
        history=past,
        problem=problem,
    )


@router.get(f"{RULES}/edit")
def edit(request: Request, grant: Managing, rule: str = "") -> Response:
    """Show a rule as a form; without a name, the form of a new one."""
    with reading(archive_of(request).engine) as connection:
        held = newest(connection)
        found = named(configuration_of(request, connection).rules, rule)
    if rule and found is None:
        raise missing()
    return _form(request, values_of(found), held.number, is_new=found is None)


@router.post(f"{RULES}/edit")
def save(request: Request, grant: Managing, form: Annotated[FormData, Depends(_sent)]) -> Response:
    """Keep a rule, or try it on what was read."""
    values, seen = read_values(form), _whole(form, "seen", 0, 2**31)
    is_new = form.get("is_new") == "yes"
    rule, problems = rule_of(values)
    with reading(archive_of(request).engine) as connection:
        before = configuration_of(request, connection).rules
    if is_new and named(before, values["name"]) is not None:
        problems, rule = {**problems, "name": "wrong_known"}, None
    if not is_new and named(before, values["name"]) is None:
        raise missing()
    if rule is None:
        return _form(request, values, seen, is_new=is_new, problems=problems, status=400)
    if form.get("act") == "try":
        days = _whole(form, "days", 1, LONGEST_DAYS, _USUAL_DAYS)
        tried = _try(request, grant, before, rule, days)
        return _form(request, values, seen, is_new=is_new, tried=tried, days=days)
    with _changing(request) as (connection, changes):
        former = named(before, rule.name)
        detail = {"after": _said(rule)} | ({"before": _said(former)} if former is not None else {})
        act: Any = "added" if is_new else "changed"
        change(
            connection,
            changes.with_rule(rule),
            grant.actor,
            seen=seen,
            act=act,
            rule=rule.name,
            detail=detail,
        )
    return _back()


@router.post(f"{RULES}/drop")
def drop(request: Request, grant: Managing, rule: Annotated[str, Form()], seen: Seen) -> Response:
    """Take a rule of the site's own away: one of the files is again as they have it, and any other is gone."""
    with _changing(request) as (connection, changes):
        former = named(changes.rules, rule)
        if former is None:
            raise missing()
        is_in_files = named(load_configuration(request.app.state.settings).rules, rule) is not None
        act: Any = "restored" if is_in_files else "removed"
        detail = {"before": _said(former)}
        change(connection, changes.without(rule), grant.actor, seen=seen, act=act, rule=rule, detail=detail)
    return _back()


@router.post(f"{RULES}/back")
def go_back(request: Request, grant: Managing, to: Annotated[int, Form(ge=0)], seen: Seen) -> Response:
    """Let the rules be as they were after an earlier change; 0: as the files have them."""
    with _changing(request, parse=False) as (connection, _):
        earlier = version(connection, to)
        if earlier is None:
            raise missing()
        detail = {"to": str(to)}
        change(connection, earlier.changes, grant.actor, seen=seen, act="undone", detail=detail)
    return _back()


@contextmanager
def _changing(request: Request, *, parse: bool = True) -> Iterator[tuple[Connection, Changes]]:
    """Write in a transaction that records the change itself, so that the trail has it once."""
    with writing(archive_of(request).engine) as connection:
        yield connection, newest(connection).changes if parse else Changes()
    about(request.scope).told = True


def _try(request: Request, grant: Grant, before: tuple[Rule, ...], rule: Rule, days: int) -> Tried | None:
    """Ask the results of the last days, as far as whoever asks may see them; None where they may see none."""
    about(request.scope).told = True  # it changes nothing; whose results it showed is recorded below
    seeing = may(request, Action.READ_PRELIMINARY)
    if seeing is None:
        return None
    archive = archive_of(request)
    with reading(archive.engine) as connection:
        since = now() - timedelta(days=days)
        found = newest_results(connection, since=since, within=seeing.within, limit=MOST_RESULTS)
    tried = try_on(archive.folder, found, before, over(before, (rule,)))
    shown = [each.study.study_uid for each in tried.studies]
    detail = {
        "action": str(Action.READ_PRELIMINARY),
        "what": "dry run of alert rules",
        "results": str(tried.asked),
    }
    with writing(archive.engine) as connection:
        patients = patients_of(connection, shown)
        event = Event(EventCode.PROCEDURE_RECORD, "R", 0, grant.actor, patients, shown, detail)
        record(connection, event)
    return tried


def _form(
    request: Request,
    values: Values,
    seen: int,
    *,
    is_new: bool,
    problems: Problems | None = None,
    tried: Tried | None = None,
    days: int = 0,
    status: int = 200,
) -> Response:
    return page(
        request,
        "alert_rule.html",
        status=status,
        values=values,
        seen=seen,
        is_new=is_new,
        problems=problems or {},
        tried=tried,
        days=days or _USUAL_DAYS,
        has_tried=bool(days),
        most=MOST_RESULTS,
        longest=LONGEST_DAYS,
        levels=LEVELS,
        lists=LISTS,
        choices=CHOICES,
        ranges=RANGES,
        tell=_attributes,
    )


def _attributes(problems: Problems, name: str, hint: bool = False) -> Markup:
    """Return what tells a screen reader of a field's hint, and of what is wrong with it."""
    told = " ".join([f"wrong-{name}"] * (name in problems) + [f"hint-{name}"] * hint)
    described = Markup(' aria-describedby="{}"').format(told) if told else Markup()
    return described + (Markup(' aria-invalid="true"') if name in problems else Markup())


def _origin(rule: Rule, own: set[str], in_files: set[str]) -> str:
    """Return where a rule is from: changed or added here, in the site's file, or as it ships."""
    if rule.name in own:
        return "changed" if rule.name in in_files else "added"
    return "shipped" if named(shipped().rules, rule.name) == rule else "file"


def _whole(form: FormData, name: str, least: int, most: int, otherwise: int = 0) -> int:
    given = form.get(name)
    number = int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else otherwise
    return min(max(number, least), most)


def _said(rule: Rule) -> str:
    return rule.model_dump_json(exclude_defaults=True)


def _back() -> Response:
    return RedirectResponse(RULES, status_code=303)
