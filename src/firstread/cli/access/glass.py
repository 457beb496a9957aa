"""`firstread access break-glass`: a patient's data without a right to it, in an emergency; and who looks at that."""

from dataclasses import asdict
from typing import Annotated

import typer

from firstread.access.action import Action
from firstread.access.this_user import this_user
from firstread.cli.access.listing import Options, Who, changing, looking, show
from firstread.cli.acting import acting
from firstread.cli.archive import AsJson

Number = Annotated[int, typer.Argument(help="Number, as `list` shows it.", show_default=False)]

glass = typer.Typer(
    help="Look at one patient's data in an emergency without a right to it: for a reason and a time, and seen.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)


@glass.command()
def begin(
    user: Who,
    scope: Annotated[
        str, typer.Argument(metavar="SCOPE", help="patient:ID or study:UID.", show_default=False)
    ],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept for ever.", show_default=False)],
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long.")] = 60,
) -> None:
    """Break the glass for somebody who may: they can look for a time, whatever there is.

    What a rule denies stays denied. Whether there is such a patient or study is not told.

    \b
    Examples
      firstread access break-glass begin bob patient:4711 --reason "Collapsed in the ward, no physician reachable"

    Exit codes: 0 broken, 2 usage, 5 the database is away, 6 they may not.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import Rights
    from firstread.access.rights.break_glass import break_glass
    from firstread.access.rights.known import known_actor
    from firstread.archive.database import writing

    with acting(Action.MANAGE_RIGHTS) as (archive, _):
        actor = known_actor(archive.engine, user)
        with writing(archive.engine) as connection:
            made = break_glass(Rights(archive.engine), connection, actor, scope, reason, minutes)
    print(f"Broken glass {made.id}: {actor.key} may look until {made.until:%Y-%m-%d %H:%M} UTC.")


@glass.command("list")
def list_(
    unseen: Annotated[bool, typer.Option("--unseen", help="Only what no auditor has looked at.")] = False,
    as_json: AsJson = False,
) -> None:
    """List every time that the glass was broken, the latest first.

    \b
    Examples
      firstread access break-glass list --unseen

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.break_glass import broken_glass

    with looking(Action.READ_AUDIT) as connection:
        found = broken_glass(connection, unseen=unseen)
    show([asdict(each) for each in found], as_json=as_json, empty="No glass was broken.")


@glass.command()
def end(number: Number) -> None:
    """Close broken glass before its time.

    \b
    Examples
      firstread access break-glass end 3

    Exit codes: 0 closed, 2 it is not open, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.break_glass import end_broken_glass

    with changing() as connection:
        end_broken_glass(connection, number, this_user())
    print(f"Broken glass {number} is closed.")


@glass.command()
def review(number: Number) -> None:
    """Note that an auditor has looked at it.

    \b
    Examples
      firstread access break-glass review 3

    Exit codes: 0 noted, 2 there is none, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.break_glass import review as note

    with changing(Action.READ_AUDIT) as connection:
        note(connection, number, this_user().key)
    print(f"Broken glass {number} is reviewed by {this_user().key}.")
