"""What several commands of `firstread models` share: options, settings, the bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstread.cli.read import INTERRUPTED

if TYPE_CHECKING:
    from firstread.progress import Progress
    from firstread.settings import Settings

Name = Annotated[
    str,
    typer.Argument(help="Name of a model package, as `firstread models list` shows it.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]
PackagesOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder in which the package's folder is made. Default: here.",
        show_default=False,
    ),
]


@contextmanager
def shown_progress(*, quiet: bool) -> "Iterator[Progress]":
    """Yield a progress callback; Ctrl-C inside ends the command with nothing written."""
    from firstread.cli.progress_bars import progress_bars

    try:
        with progress_bars(shown=not quiet) as progress:
            yield progress
    except KeyboardInterrupt:
        print("firstread: stopped; nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def settings_with(models: Path | None) -> "Settings":
    """Return the settings with a folder put before those that are searched."""
    from firstread.engine.packages import MANIFEST
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    settings = load_settings()
    if models is None:
        return settings
    if not any(models.glob(f"*/{MANIFEST}")):
        raise UsageError(
            f"{models} holds no model package.", remedy="Name the folder in which the packages' folders lie."
        )
    return settings.model_copy(update={"models": (models, *settings.models)})
