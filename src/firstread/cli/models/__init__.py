"""`firstread models`: which networks are here, what they cost, and how they are made."""

import typer

from firstread.cli.models.bench import bench
from firstread.cli.models.convert import convert
from firstread.cli.models.listing import list_
from firstread.cli.models.profile import profile
from firstread.cli.models.quantize import quantize

models = typer.Typer(
    help="List, profile, time, convert and quantise the networks.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
models.command("list")(list_)
models.command()(profile)
models.command()(bench)
models.command()(convert)
models.command()(quantize)
