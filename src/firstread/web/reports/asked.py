"""What the routes of the reports share: how failures are told, which version a client has seen, who signs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, Engine, select

from firstread.access import Actor
from firstread.access.accounts.account import get_account
from firstread.access.accounts.login import reauthenticate
from firstread.access.gate import Denied
from firstread.archive.database import writing
from firstread.archive.models import Patient, Study
from firstread.network.dicomweb.problems import Problem, missing
from firstread.settings import Settings
from firstread.web.reports.shown import Json, shown
from firstread.workflow.reporting.pointed import Pointed
from firstread.workflow.reporting.report import Changed, NotNow
from firstread.workflow.reporting.signing import Signatory
from firstread.workflow.reporting.subject import NotThere

Reauthenticate = Callable[[Connection, Actor, str], Signatory | None]
"""Returns who signs, None where the secret is not the actor's; raises `Denied` where the actor cannot sign at all."""


class Conflict(Problem):
    """Somebody else was faster: 409, with who, when, and what the report says now."""

    def __init__(self, changed: Changed) -> None:
        super().__init__(409, changed.message, remedy=changed.remedy)
        opened = changed.opened
        self.answer: Json = {
            "error": self.message,
            "remedy": self.remedy,
            "version": opened.version,
            "by": opened.author,
            "at": opened.changed_at.isoformat(),
            "report": shown(opened),
        }


def install_conflicts(app: FastAPI) -> None:
    """Have an app answer conflicts with what the other wrote."""

    @app.exception_handler(Conflict)
    async def conflict(request: Request, error: Conflict) -> JSONResponse:
        return JSONResponse(error.answer, error.status)


def whose_study(connection: Connection, study_key: int) -> Any:  # noqa: ANN401 - a row
    """Return whose study it is and which, as the head of a report says."""
    return connection.execute(
        select(
            Patient.name,
            Patient.patient_id,
            Patient.birth_date,
            Patient.sex,
            Study.study_date,
            Study.accession_number,
            Study.description,
            Study.referring_physician,
        )
        .join(Study, Study.patient_key == Patient.id)
        .where(Study.id == study_key)
    ).one()


@contextmanager
def told() -> Iterator[None]:
    """Turn failures of the reports into what HTTP says."""
    try:
        yield
    except NotThere:
        raise missing() from None
    except NotNow as error:
        raise Problem(409, error.message, remedy=error.remedy) from None
    except Changed as error:
        raise Conflict(error) from None


def seen_version(request: Request) -> int:
    """Return the version in If-Match, as `3` or `"3"`.

    Raises:
        Problem: 428, there is none; 400, it is no version.
    """
    given = request.headers.get("if-match", "").strip()
    if not given:
        raise Problem(
            428, "If-Match is missing.", remedy="Say which version was seen: the `version` of the report."
        )
    number = given.removeprefix("W/").strip('"')
    if not number.isdecimal() or len(number) > 9:
        raise Problem(400, "If-Match is no version.", remedy="Give the `version` of the report.")
    return int(number)


Seen = Annotated[int, Depends(seen_version)]
"""The version that the client has seen, as a parameter of a route."""


def _pointed(request: Request) -> Pointed:
    found: Any = request.app.state.pointed
    assert isinstance(found, Pointed)
    return found


OpenSeries = Annotated[Pointed, Depends(_pointed)]
"""The series that are kept decoded, as a parameter of a route."""


def by_account(settings: Settings) -> Reauthenticate:
    """Return what tells who signs by their account: a person, with their password or a code of their second factor."""

    def signs(connection: Connection, actor: Actor, secret: str) -> Signatory | None:
        if actor.kind != "person" or actor.account is None:
            raise Denied(
                "Only a person with an account can sign.", remedy="Make accounts: `firstread users`."
            )
        if not reauthenticate(connection, actor.account, secret):
            return None
        account = get_account(connection, actor.account)
        return Signatory(account.id, account.name, account.shown, settings.site_name)

    return signs


def signatory_of(request: Request, engine: Engine, actor: Actor, secret: str) -> Signatory:
    """Return who signs, who has just shown again who it is.

    Raises:
        Denied: the secret is not the actor's, or the actor is nobody who can sign.
    """
    signs: Reauthenticate = request.app.state.reauthenticate
    with writing(engine) as connection:  # of its own: an attempt counts, whatever comes of it
        found = signs(connection, actor, secret)
    if found is None:
        raise Denied("That is not your password or code.", remedy="Type it again.")
    return found
