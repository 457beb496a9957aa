"""`firstread access explain`, `rules`, `grant`, `deny`, `revoke`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from firstread.access.action import Action
from firstread.access.this_user import this_user
from firstread.cli.access.listing import Who, changing, looking, show
from firstread.cli.acting import acting
from firstread.cli.archive import AsJson

Subject = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT",
        help="role:NAME, or one actor: an account, service:NAME, node:AE_TITLE, local:USER.",
        show_default=False,
    ),
]
What = Annotated[
    str,
    typer.Argument(metavar="ACTION", help="What is done, such as study.read; * for all.", show_default=False),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--in",
        metavar="SCOPE",
        help="Only there: department:mine, department:NAME, project:mine, project:NAME, dataset:NAME, patient:mine, "
        "patient:ID, modality:CT, study:UID. Several must all hold. Default: everywhere.",
        show_default=False,
    ),
]


def explain(
    user: Who,
    action: Annotated[
        Action, typer.Argument(metavar="ACTION", help="What is done, such as study.read.", show_default=False)
    ],
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]", help="Study Instance UID. Default: anywhere at all.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether somebody may do something, and which rule decides.

    A rule that denies wins over all that allow; what no rule allows is denied. The rule's number is what `revoke`
    takes.

    \b
    Examples
      firstread access explain alice study.read 1.2.840.113619.2.55.3
      firstread access explain node:PACS study.read

    Exit codes: 0 it was decided, whatever it is, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import Rights
    from firstread.access.rights.known import known_actor

    with acting(Action.MANAGE_RIGHTS) as (archive, _):
        actor = known_actor(archive.engine, user)
        rights = Rights(archive.engine)
        decision = rights.decide(actor, action, study)
        standing = rights.standing(actor)
    if as_json:
        told = {"actor": actor.key, "action": action.value, "study": study, **asdict(decision)}
        print(json.dumps({**told, "roles": sorted(standing.subjects)}, indent=1, ensure_ascii=False))
        return
    print(f"{'Allowed' if decision.allowed else 'Denied'}. {decision.because}")
    print(f"{actor.key} is {', '.join(sorted(standing.subjects - {actor.key})) or 'without a role'}.")


def rules(
    subject: Annotated[
        str | None, typer.Argument(metavar="[SUBJECT]", help="Only this one's.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the rules by number.

    \b
    Examples
      firstread access rules
      firstread access rules role:radiologist

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.change import list_rules

    with looking() as connection:
        found = list_rules(connection, subject)
    show([asdict(rule) for rule in found], as_json=as_json, empty="No rule.")


def grant(subject: Subject, action: What, where: Where = None) -> None:
    """Give a right, from the next request on.

    \b
    Examples
      firstread access grant node:PACS study.read
      firstread access grant role:technologist study.read --in department:mine --in modality:CT

    Exit codes: 0 given, 2 there is no such role or action, or the scope cannot be read, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    _add(subject, action, where, "allow")


def deny(subject: Subject, action: What, where: Where = None) -> None:
    """Deny something whatever else allows it, from the next request on.

    \b
    Examples
      firstread access deny role:clinician study.read --in patient:4711

    Exit codes: 0 denied, 2 there is no such role or action, or the scope cannot be read, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    _add(subject, action, where, "deny")


def revoke(
    rule: Annotated[int, typer.Argument(help="Number of the rule.", show_default=False)],
) -> None:
    """Revoke a rule, one that allows or one that denies, from the next request on.

    \b
    Examples
      firstread access revoke 52

    Exit codes: 0 revoked, 2 there is no such rule, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.change import remove_rule

    with changing() as connection:
        removed = remove_rule(connection, rule)
    print(f"Revoked. {removed}.")


def _add(subject: str, action: str, where: list[str] | None, effect: str) -> None:
    from firstread.access.rights.change import add_rule

    with changing() as connection:
        added = add_rule(
            connection, subject, action, ";".join(where or ["*"]), effect=effect, by=this_user().key
        )
    print(f"{added}.")
