"""From facts and routes to what is read: a pure function, and why it says so."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from firstread.reports import Lang
from firstread.workflow.routes.facts import SeriesFacts, StudyFacts
from firstread.workflow.routes.patterns import matches
from firstread.workflow.routes.route import Priority, Route, shown

Outcome = Literal["reads", "does not fit", "comes after", "is disabled", "is not asked"]
Why = Literal["", "prior", "no images"]


@dataclass(frozen=True)
class PlannedRead:
    """One read: by which route and reader, how urgent, and where its result goes.

    `series_uid` is the series to read, where only one fits the route; None leaves the choice to the reader.
    """

    route: str
    reader: str
    priority: Priority
    destinations: tuple[str, ...]
    lang: Lang
    series_uid: str | None


@dataclass(frozen=True)
class PlannedExport:
    """Series of a study that go to a research project without their patient: by which route, and where."""

    route: str
    project: str
    destinations: tuple[str, ...]
    series: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One condition of a route, held against the study or one series (`series_uid`; "" is the study).

    `excludes`: it is one of `unless`. `holds` tells whether what was `found` is what is `wanted`.
    """

    condition: str
    wanted: str
    found: str
    holds: bool
    excludes: bool
    series_uid: str

    @property
    def lets_pass(self) -> bool:
        """Tell whether the route may still fit after this."""
        return self.holds != self.excludes


@dataclass(frozen=True)
class Verdict:
    """What became of one route: its outcome, every check, and the series that fit (Series Instance UIDs).

    `reader` is the route's, or "project NAME". Where the outcome is "comes after", `after` is the route with the same
    reader or project that decided.
    """

    route: str
    reader: str
    outcome: Outcome
    checks: tuple[Check, ...] = ()
    series: tuple[str, ...] = ()
    after: str = ""


@dataclass(frozen=True)
class Decision:
    """What is read of a study, what goes to projects, and why: one verdict a route, in order.

    `why` says why no route was asked: the study was fetched as a prior, or has no images. The explanation quotes
    the headers of the study: it is for who may see them, not for a log.
    """

    reads: tuple[PlannedRead, ...]
    explanation: tuple[Verdict, ...]
    why: Why = ""
    exports: tuple[PlannedExport, ...] = ()


def decide(facts: StudyFacts, routes: Sequence[Route]) -> Decision:
    """Return what the routes say is read of a study. No rule, no read."""
    why: Why = "prior" if facts.prior else "" if facts.series else "no images"
    reads: dict[str, PlannedRead] = {}
    exports: dict[str, PlannedExport] = {}
    verdicts = []
    for route in routes:
        if why:
            verdicts.append(Verdict(route.name, route.does, "is not asked"))
            continue
        if not route.enabled:
            verdicts.append(Verdict(route.name, route.does, "is disabled"))
            continue
        checks, fitting = _held_against(route, facts)
        earlier = exports.get(route.project) if route.project else reads.get(route.reader)
        outcome: Outcome = "does not fit" if not fitting else "comes after" if earlier else "reads"
        if outcome == "reads" and route.project:
            exports[route.project] = PlannedExport(route.name, route.project, route.destinations, fitting)
        elif outcome == "reads":
            reads[route.reader] = _planned(route, fitting)
        after = earlier.route if earlier and outcome == "comes after" else ""
        verdicts.append(Verdict(route.name, route.does, outcome, checks, fitting, after))
    return Decision(tuple(reads.values()), tuple(verdicts), why, tuple(exports.values()))


def _planned(route: Route, fitting: tuple[str, ...]) -> PlannedRead:
    return PlannedRead(
        route=route.name,
        reader=route.reader,
        priority=route.priority,
        destinations=route.destinations,
        lang=route.lang,
        series_uid=fitting[0] if len(fitting) == 1 else None,
    )


def _held_against(route: Route, facts: StudyFacts) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Return every check of a route, and the series that fit."""
    of_study = _checks(route, facts, "")
    checks = list(of_study)
    fitting = []
    for series in facts.series:
        of_series = _checks(route, series, series.series_uid)
        checks += of_series
        if all(check.lets_pass for check in of_series):
            fitting.append(series.series_uid)
    return tuple(checks), tuple(fitting) if all(check.lets_pass for check in of_study) else ()


def _checks(route: Route, facts: StudyFacts | SeriesFacts, series_uid: str) -> list[Check]:
    known = {field.name for field in fields(facts)}
    made = []
    for conditions, excludes in ((route.when, False), (route.unless, True)):
        for name, wanted in (conditions.given() if conditions else {}).items():
            if name in known:
                found = getattr(facts, name)
                holds = _holds(wanted, found)
                made.append(Check(name, shown(wanted, " or "), shown(found), holds, excludes, series_uid))
    return made


def _holds(wanted: Any, found: Any) -> bool:  # noqa: ANN401 - of any condition
    if not isinstance(wanted, tuple):
        return found is not None and found in wanted
    texts = found if isinstance(found, tuple) else (found,)
    return any(matches(pattern, text) for pattern in wanted for text in texts or ("",))
