"""`firstread access treats`: who treats whom, and as whom DICOM knows a referring physician."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from firstread.cli.access.listing import Options, Who, changing, looking, show
from firstread.cli.archive import AsJson

PatientId = Annotated[
    str,
    typer.Argument(metavar="PATIENT", help=r"Patient ID, or ISSUER\ID.", show_default=False),
]
DicomName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Referring Physician's Name as images have it, SMITH^JOHN, or the code that identifies the physician.",
        show_default=False,
    ),
]

treats = typer.Typer(
    help="Say which patients somebody treats or refers: patient:mine in rules.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)


@treats.command("list")
def list_(
    user: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="Only this one.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List who treats whom, by Patient ID.

    \b
    Examples
      firstread access treats list bob

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.treatments import treatments

    with looking() as connection:
        found = treatments(connection, user)
    show([asdict(each) for each in found], as_json=as_json, empty="Nobody treats anybody.")


@treats.command()
def begin(
    user: Who,
    patient: PatientId,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Day on which it ends. Default: not by itself.", show_default=False
        ),
    ] = None,
) -> None:
    """Let somebody see the studies of a patient whom they treat.

    \b
    Examples
      firstread access treats begin bob 4711 --until 2027-01-31

    Exit codes: 0 begun, 2 the archive has no such patient, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.holdings import actor_key
    from firstread.access.rights.treatments import begin_treatment

    with changing() as connection:
        begin_treatment(connection, user, patient, until.replace(tzinfo=UTC) if until else None)
    print(f"{actor_key(user)} sees the studies of this patient.")


@treats.command()
def end(user: Who, patient: PatientId) -> None:
    """Let somebody see the studies of a patient no more, but for those that they ordered.

    \b
    Examples
      firstread access treats end bob 4711

    Exit codes: 0 ended, 2 they do not treat the patient, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.holdings import actor_key
    from firstread.access.rights.treatments import end_treatment

    with changing() as connection:
        end_treatment(connection, user, patient)
    print(f"{actor_key(user)} does not treat this patient any more.")


@treats.command()
def named(user: Who, name: DicomName) -> None:
    """Say how DICOM names somebody who refers patients, beside the names that the account has.

    \b
    Examples
      firstread access treats named bob "SMITH^JOHN"

    Exit codes: 0 said, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.give(connection, user, "referring", name)
    print(f"{holdings.actor_key(user)} sees what {name} ordered.")


@treats.command()
def unnamed(user: Who, name: DicomName) -> None:
    """Forget a name by which DICOM names somebody.

    \b
    Examples
      firstread access treats unnamed bob "SMITH^JOHN"

    Exit codes: 0 forgotten, 2 it was not known, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.take(connection, user, "referring", name)
    print(f"{holdings.actor_key(user)} is not {name} any more.")
