"""`firstread models list`: the packages that are found."""

import json

import typer

from firstread.cli.evaluate import Models
from firstread.cli.models.options import AsJson, settings_with

DAMAGED = 5


def list_(models: Models = None, as_json: AsJson = False) -> None:
    """List the model packages that are found: version, task, precisions, digest, folder; what auto takes here, and why.

    Each is verified. Of two of one name the first on the search path is taken.

    \b
    Examples
      firstread models list
      firstread models list --json | jq -r '.[].digest'

    Exit codes: 0 all are whole, 5 one is damaged.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.models.inventory import list_models
    from firstread.cli.models.tables import print_list

    listed = list(list_models(settings_with(models)))
    if as_json:
        print(json.dumps([one.model_dump(mode="json") for one in listed], indent=1))
    else:
        print_list(listed)
    if any(one.fault for one in listed):
        raise typer.Exit(DAMAGED)
