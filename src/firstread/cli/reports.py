"""`firstread reports`: the reports of studies, what they said before, how people and AI agree, kept texts."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from firstread.cli.archive import AsJson

reports = typer.Typer(
    help="Look at the reports of studies: their versions, signatures and statistics; keep templates and macros.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
templates = typer.Typer(
    help="Keep texts for reports: templates that sections begin with, and macros.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
reports.add_typer(templates, name="templates")

Study = Annotated[str, typer.Argument(metavar="STUDY_UID", help="UID of the study.")]
SectionChoice = Literal["indication", "technique", "comparison", "findings", "impression", "recommendation"]
Owner = Annotated[
    str,
    typer.Option("--account", metavar="NAME", help="Whose text it is; without it the whole site's."),
]
Language = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Language of the text.")]
Kind = Annotated[
    Literal["template", "macro"],
    typer.Option(
        "--kind",
        help="A template called `default` is what a section begins with; a macro is inserted by name.",
    ),
]
InSection = Annotated[SectionChoice, typer.Option("--section", help="Section that the text is for.")]


@reports.command("list")
def list_(
    state: Annotated[
        Literal["preliminary", "final", "amended"] | None,
        typer.Option("--state", help="Only those in this state.", show_default=False),
    ] = None,
    search: Annotated[
        str, typer.Option(help="Part of a patient's name, a Patient ID or an accession number.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Reports to list, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the reports of the studies that were read, newest first.

    \b
    Examples
      firstread reports list
      firstread reports list --state preliminary --json

    Exit codes: 0 listed, 2 usage, 5 the database is away, 6 not allowed.
    """  # fmt: skip  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.workflow.reporting.listing import list_reports

    with acting(Action.READ_PRELIMINARY) as (archive, grant), reading(archive.engine) as connection:
        listed = list_reports(
            connection, within=grant.within, states=(state,) if state else (), search=search, limit=limit
        )
    if as_json:
        _print_json([asdict(one) for one in listed])
        return
    _print_table(
        ("state", "category", "signed by", "signed", "patient", "study date", "study UID"),
        [
            (
                one.state,
                one.category,
                one.signed_by,
                _moment(one.signed_at),
                one.patient_name,
                one.study_date,
                one.study_uid,
            )
            for one in listed
        ],
        "No report.",
    )


@reports.command()
def show(study: Study, as_json: AsJson = False) -> None:
    """Show the report of a study as it stands, with its signatures.

    \b
    Example
      firstread reports show 1.2.840.113619.2.55.3.1

    Exit codes: 0 shown, 2 usage, or nothing has read such a study, 5 the database is away, 6 not allowed.
    """  # fmt: skip  # noqa: D301
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.findings import NOTICE
    from firstread.workflow.reporting.history import lines
    from firstread.workflow.reporting.report import open_report
    from firstread.workflow.reporting.signing import signatures

    with acting(Action.READ_PRELIMINARY) as (archive, grant):
        opened = open_report(archive, study, within=grant.within)
        with reading(archive.engine) as connection:
            signed = signatures(connection, opened.key)
    if as_json:
        content = opened.content.model_dump(mode="json")
        said = {"state": opened.state, "version": opened.version, "content": content}
        _print_json({**said, "signatures": [asdict(one) for one in signed]})
        return
    notice = f" ({NOTICE})" if not signed else ""
    print(f"{opened.state}, version {opened.version}{notice}")
    for line in lines(opened.content):
        print(line)
    for one in signed:
        print(f"{one.kind}: {one.display_name}, {_moment(one.signed_at)}, version {one.version}")


@reports.command()
def history(study: Study, as_json: AsJson = False) -> None:
    """List every version of a report: why, by whom and when it was written.

    \b
    Example
      firstread reports history 1.2.840.113619.2.55.3.1

    Exit codes: 0 listed, 2 usage, or nothing has read such a study, 5 the database is away, 6 not allowed.
    """  # fmt: skip  # noqa: D301
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.workflow.reporting import history as versions
    from firstread.workflow.reporting.report import open_report

    with acting(Action.READ_PRELIMINARY) as (archive, grant):
        opened = open_report(archive, study, within=grant.within)
        with reading(archive.engine) as connection:
            found = versions.history(connection, opened.key)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    _print_table(
        ("version", "state", "why", "by", "at"),
        [(str(one.number), one.state, one.why, one.author, _moment(one.made_at)) for one in found],
        "No version.",
    )


@reports.command()
def diff(
    study: Study,
    before: Annotated[int, typer.Argument(min=1, help="Number of the one version.")],
    after: Annotated[int, typer.Argument(min=1, help="Number of the other.")],
) -> None:
    """Show how two versions of a report differ, line by line.

    \b
    Example
      firstread reports diff 1.2.840.113619.2.55.3.1 1 4

    Exit codes: 0 shown, 2 usage, or there is no such report or version, 5 the database is away, 6 not allowed.
    """  # fmt: skip  # noqa: D301
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.workflow.reporting.history import difference
    from firstread.workflow.reporting.report import open_report

    with acting(Action.READ_PRELIMINARY) as (archive, grant):
        opened = open_report(archive, study, within=grant.within)
        with reading(archive.engine) as connection:
            print(difference(connection, opened.key, before, after) or "They say the same.")


@reports.command()
def stats(
    by: Annotated[
        Literal["model", "reader", "person", "month"], typer.Option("--by", help="What is told apart.")
    ] = "model",
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="Signed from this day on.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how people and AI agree: findings accepted, edited, rejected, added, and differences of size.

    Only signed reports count, each by its newest signature. It is agreement, not truth: people err as well.

    \b
    Examples
      firstread reports stats
      firstread reports stats --by person --since 2026-01-01

    Exit codes: 0 told, 2 usage, 5 the database is away, 6 not allowed.
    """  # fmt: skip  # noqa: D301
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.workflow.reporting.statistics import agreement

    begins = since.replace(tzinfo=UTC) if since is not None else None
    with acting(Action.READ_REPORT) as (archive, _), reading(archive.engine) as connection:
        found = agreement(connection, by, since=begins)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    _print_table(
        (by, "reports", "accepted", "edited", "rejected", "added", "unreviewed", "bias mm", "median |d| mm"),
        [
            (
                one.name,
                *map(
                    str,
                    (one.reports, one.accepted, one.edited, one.rejected, one.added, one.unreviewed),
                ),
                _number(one.bias_mm),
                _number(one.absolute_mm),
            )
            for one in found
        ],
        "No signed report.",
    )


@templates.command("list")
def list_texts(account: Owner = "", as_json: AsJson = False) -> None:
    """List the site's texts, and those of an account.

    Exit codes: 0 listed, 2 usage, 5 the database is away, 6 not allowed.
    """
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.workflow.reporting.texts import kept_texts

    with acting(Action.OPERATE) as (archive, _), reading(archive.engine) as connection:
        found = kept_texts(connection, account)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    _print_table(
        ("kind", "name", "section", "lang", "of", "text"),
        [
            (one.kind, one.name, one.section, one.lang, one.owner or "the site", one.text[:60])
            for one in found
        ],
        "No text is kept.",
    )


@templates.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the text.")],
    file: Annotated[
        Path,
        typer.Argument(help="File with it, UTF-8; - for input."),
    ],
    section: InSection,
    kind: Kind = "macro",
    account: Owner = "",
    lang: Language = "en",
) -> None:
    """Keep a text, in the place of one with the same name.

    \b
    Example
      firstread reports templates add normal-lungs normal.txt --section findings

    Exit codes: 0 kept, 2 usage, 5 the database is away, 6 not allowed.
    """  # fmt: skip  # noqa: D301
    from firstread.access.action import Action
    from firstread.archive.database import writing
    from firstread.cli.acting import acting
    from firstread.workflow.reporting.texts import KeptText, keep

    with acting(Action.OPERATE) as (archive, _), writing(archive.engine) as connection:
        keep(connection, KeptText(account, kind, name, lang, section, _text_of(file)))


@templates.command()
def remove(
    name: Annotated[str, typer.Argument(help="Name of the text.")],
    section: InSection,
    kind: Kind = "macro",
    account: Owner = "",
    lang: Language = "en",
) -> None:
    """Remove a text.

    Exit codes: 0 removed, 2 there is none, 5 the database is away, 6 not allowed.
    """
    from firstread.access.action import Action
    from firstread.archive.database import writing
    from firstread.cli.acting import acting
    from firstread.errors import UsageError
    from firstread.workflow.reporting.texts import forget

    with acting(Action.OPERATE) as (archive, _), writing(archive.engine) as connection:
        if not forget(connection, account, kind, name, lang, section):
            raise UsageError("There is no such text.", remedy="`firstread reports templates list` shows all.")


def _text_of(file: Path) -> str:
    from firstread.errors import UsageError

    if str(file) == "-":
        return typer.get_text_stream("stdin").read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"{file} is no text in UTF-8 that can be read.", remedy="Name another file."
        ) from None


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def _print_table(titles: tuple[str, ...], rows: list[tuple[str, ...]], empty: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=title.endswith("UID"))
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _moment(value: datetime | None) -> str:
    return f"{value.astimezone():%Y-%m-%d %H:%M}" if value is not None else ""


def _number(value: float | None) -> str:
    return f"{value:+.1f}" if value is not None else ""
