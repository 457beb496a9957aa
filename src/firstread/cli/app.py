"""What `firstread` can be asked for."""

from typing import Annotated

import typer

from firstread import __version__
from firstread.cli.access import access
from firstread.cli.accounts import tokens, users
from firstread.cli.alerts import alerts
from firstread.cli.archive import archive
from firstread.cli.audit import audit
from firstread.cli.bench import bench
from firstread.cli.config import config
from firstread.cli.deidentify import deidentify
from firstread.cli.deliveries import deliveries
from firstread.cli.demo import demo
from firstread.cli.destinations import destinations
from firstread.cli.dicom_calls import echo, send
from firstread.cli.doctor import doctor
from firstread.cli.evaluate import evaluate
from firstread.cli.info import info
from firstread.cli.jobs import jobs
from firstread.cli.keeping import backup, restore, verify
from firstread.cli.models import models
from firstread.cli.phantom import phantom
from firstread.cli.projects import projects
from firstread.cli.read import read
from firstread.cli.reports import reports
from firstread.cli.routes import routes
from firstread.cli.serve import serve, worker

app = typer.Typer(
    help="The AI that reads a medical image first: a chest CT in, a preliminary report out, on a CPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every output says: AI preliminary, not verified. firstread is not a medical device.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"firstread {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    """Hold the options that belong to no command."""


app.command()(read)
app.command()(info)
app.command()(phantom)
app.command()(doctor)
app.command()(demo)
# What the command does not know is the benchmark's.
app.command(context_settings={"ignore_unknown_options": True})(bench)
app.add_typer(evaluate, name="evaluate")
app.add_typer(models, name="models")
app.add_typer(archive, name="archive")
app.add_typer(routes, name="routes")
app.add_typer(jobs, name="jobs")
app.add_typer(alerts, name="alerts")
app.add_typer(reports, name="reports")
app.command()(backup)
app.command()(restore)
app.command()(verify)
app.command()(serve)
app.command()(worker)
app.add_typer(access, name="access")
app.add_typer(config, name="config")
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")
app.command()(send)
app.command()(echo)
app.add_typer(destinations, name="destinations")
app.add_typer(deliveries, name="deliveries")
app.command()(deidentify)
app.add_typer(projects, name="projects")
app.add_typer(audit, name="audit")
