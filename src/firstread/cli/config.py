"""`firstread config`: the settings of an installation, shown, checked, and as a file to start from."""

import json
from typing import Annotated

import typer

config = typer.Typer(help="Show and check the settings.", no_args_is_help=True)


@config.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every setting, its value, and where it is from: the default, a variable, or a file. Secrets are masked.

    \b
    Examples
      firstread config show
      firstread config show --json | jq .dicom_port

    Exit codes: 0 shown, 2 a setting cannot be used.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.settings import load_settings, origins

    values = load_settings().model_dump(mode="json")
    sources = origins()
    rows = {
        name: {"value": value, "from": sources.get(name, "the default")} for name, value in values.items()
    }
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for name, row in rows.items():
        shown = "" if row["value"] is None else json.dumps(row["value"], ensure_ascii=False)
        table.add_row(*map(Text, (name, shown, row["from"])))
    Console().print(table)


@config.command()
def check() -> None:
    """Check that every setting can be used, as `firstread serve` would, without starting anything.

    Exit codes: 0 it can be started, 2 a setting cannot be used.
    """
    import sys

    from firstread.access.accounts.guessable import is_listed
    from firstread.access.accounts.oidc.provider import Provider
    from firstread.alerts import load_configuration
    from firstread.alerts.channels.senders import unusable_channels
    from firstread.errors import UsageError
    from firstread.network.configured import listening_of
    from firstread.settings import Settings, config_file, is_secret, load_settings, origins
    from firstread.web.listen import check_address
    from firstread.workflow.deliveries import unusable_destinations
    from firstread.workflow.routes import load_routes

    settings = load_settings()
    listening_of(settings)
    check_address(settings)
    load_routes(settings)
    for name, wrong in unusable_channels(load_configuration(settings), settings).items():
        raise UsageError(f"The alerts' channel {name}: {wrong}")
    if settings.oidc_issuer is not None:
        Provider(settings)
    if settings.breached_passwords is not None:
        is_listed("", settings.breached_passwords)
    for wrong in unusable_destinations(settings).values():
        raise UsageError(wrong)
    path = config_file()
    print(f"The settings can be used. File: {path if path.is_file() else f'none ({path} is not there)'}.")
    secrets = [
        name
        for name, source in origins().items()
        if source == str(path) and is_secret(Settings.model_fields[name])
    ]
    if secrets and path.stat().st_mode & 0o077:
        print(f"Warning: others may read {path}, which has {', '.join(secrets)}: chmod 600.", file=sys.stderr)


@config.command()
def example() -> None:
    """Print a settings file with every setting as a comment: what it means, and its default or an example.

    \b
    Examples
      firstread config example > ~/.config/firstread/firstread.toml
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.example_settings import example_settings

    print(example_settings(), end="")
