"""Routes as they are written: in the settings and in a file beside them, read with one clear error."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from firstread.errors import UsageError
from firstread.readers.registry import installed_readers
from firstread.settings import Settings, config_file
from firstread.workflow.routes.route import Route

TABLE = "routes"
LARGEST_FILE = 1 << 20
MOST_ROUTES = 500


def load_routes(settings: Settings) -> tuple[Route, ...]:
    """Return the routes of an installation: those of the settings first, then those of `routes_file`.

    The file is read each time, so that a change holds from the next study on.

    Raises:
        UsageError: a route cannot be used; the message names it and the key.
    """
    path = routes_file(settings)
    named = settings.routes_file is not None
    in_file = parse_routes(read_text(path), path) if named or path.is_file() else ()
    return check_routes((*routes_of(settings), *in_file), settings)


def routes_of(settings: Settings) -> tuple[Route, ...]:
    """Return the routes that the settings themselves hold.

    Raises:
        UsageError: one cannot be used.
    """
    return _routes(settings.routes, "the settings")


def routes_file(settings: Settings) -> Path:
    """Return where the routes are that are not in the settings: `routes_file`, else routes.toml beside them."""
    return settings.routes_file or config_file().parent / "routes.toml"


def check_routes(routes: Sequence[Route], settings: Settings) -> tuple[Route, ...]:
    """Return the routes, if their names are told apart and their readers and destinations are there.

    Raises:
        UsageError: not so; the message names the route and the key.
    """
    readers = installed_readers()
    names: set[str] = set()
    for route in routes:
        if route.name in names:
            raise _unusable(route.name, "name", "another route has it")
        names.add(route.name)
        if route.reader and route.reader not in readers:
            raise _unusable(
                route.name,
                "reader",
                f"no reader {route.reader!r} is installed",
                f"Installed readers: {', '.join(readers) or 'none'}.",
            )
        for destination in route.destinations:
            if destination not in settings.destinations:
                raise _unusable(
                    route.name,
                    "destinations",
                    f"there is no destination {destination!r}",
                    f"Destinations of the settings: {', '.join(settings.destinations) or 'none'}.",
                )
            if route.project and settings.destinations[destination].kind == "webhook":
                raise _unusable(
                    route.name, "destinations", f"{destination!r} is a webhook, which takes no images"
                )
    return tuple(routes)


def read_text(path: Path) -> str:
    """Return the text of a file of routes.

    Raises:
        UsageError: it cannot be read, or is larger than any.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise UsageError(
                f"{path} is larger than {LARGEST_FILE >> 20} MiB.", remedy="That is no file of routes."
            )
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The routes in {path} cannot be read: {reason}.", remedy="Correct routes_file."
        ) from None


def parse_routes(text: str, path: Path) -> tuple[Route, ...]:
    """Return the routes that a text in TOML holds; `path` is for the message.

    Raises:
        UsageError: it is no TOML, holds anything else, or a route cannot be used.
    """
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"The routes in {path} are no TOML: {error}.", remedy="Correct the file.") from None
    routes = tables.pop(TABLE, [])
    if tables or not isinstance(routes, list) or not all(isinstance(each, dict) for each in routes):
        raise UsageError(f"{path} holds other things than routes.", remedy="Write each as [[routes]].")
    return _routes(routes, str(path))


def _routes(tables: Sequence[Mapping[str, Any]], place: str) -> tuple[Route, ...]:
    if len(tables) > MOST_ROUTES:
        raise UsageError(f"There are more than {MOST_ROUTES} routes in {place}.", remedy="Put some together.")
    made = []
    for number, table in enumerate(tables, start=1):
        try:
            made.append(Route.model_validate(table))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            name = table.get("name")
            raise _unusable(
                name if isinstance(name, str) and name else f"{number} of {place}",
                key,
                first["msg"].removeprefix("Value error, "),
                f"Correct it in {place}.",
            ) from None
    return tuple(made)


def _unusable(name: str, key: str, reason: str, remedy: str = "Correct it.") -> UsageError:
    return UsageError(f"The route {name[:64]!r} cannot be used: {key}: {reason}.", remedy=remedy)
