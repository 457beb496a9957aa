"""Changing the file of routes: as a whole or not at all, what else is written in it kept, and with a way back."""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from stat import S_IMODE
from typing import Any

from firstread.archive.disk import flush_folder
from firstread.errors import FirstreadError, UsageError
from firstread.settings import Settings
from firstread.workflow.routes.load import check_routes, parse_routes, read_text, routes_file, routes_of
from firstread.workflow.routes.route import Route

_START = re.compile(r"\s*\[\[\s*routes\s*\]\]\s*(#.*)?")
_NO_SECRET = 0o644  # who runs the node may be another than who says what is read
_Written = list[tuple[Route, str]]  # each with its text


def add_routes(settings: Settings, routes: Sequence[Route], *, before: str | None = None) -> None:
    """Write routes into the file of routes, at its end or before the route of a name.

    Raises:
        UsageError: they cannot be used beside those that are there, or there is no such route; nothing was changed.
        FirstreadError: the file cannot be written; nothing was changed.
    """
    with _changing(settings) as written:
        at = len(written) if before is None else _position(written, before)
        written[at:at] = [(route, as_toml(route) + "\n") for route in routes]


def remove_route(settings: Settings, name: str) -> None:
    """Remove a route from the file of routes.

    Raises:
        UsageError: it has no such route; nothing was changed.
        FirstreadError: the file cannot be written; nothing was changed.
    """
    with _changing(settings) as written:
        del written[_position(written, name)]


def undo(settings: Settings) -> tuple[Route, ...]:
    """Take back the last change of the file of routes, and return what it holds now; a second time makes it again.

    Raises:
        UsageError: nothing was changed yet, or what was there before cannot be used any more.
        FirstreadError: the file cannot be written; nothing was changed.
    """
    path = routes_file(settings)
    with _alone(path):
        former = _former(path)
        if not former.is_file():
            raise UsageError("There is no change of the routes to take back.", remedy=f"Edit {path}.")
        text = read_text(former)
        routes = parse_routes(text, former)
        check_routes((*routes_of(settings), *routes), settings)
        _replace(path, text)
    return routes


def as_toml(route: Route) -> str:
    """Return a route as it is written in a file."""
    said = route.model_dump(mode="json", exclude_defaults=True)
    return "\n".join(["[[routes]]", *(f"{key} = {_value(value)}" for key, value in said.items())]) + "\n"


def _value(value: Any) -> str:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return (
                "{ "
                + ", ".join(f"{key} = {_value(each)}" for key, each in value.items() if each is not None)
                + " }"
            )
        case [one]:
            return _value(one)
        case list():
            return "[" + ", ".join(_value(each) for each in value) + "]"
        case _:  # texts have no control characters, numbers are finite: TOML writes them as JSON does
            return json.dumps(value, ensure_ascii=False)


def _position(written: _Written, name: str) -> int:
    names = [route.name for route, _ in written]
    if name not in names:
        raise UsageError(
            f"The file of routes has no route {name[:64]!r}.",
            remedy=f"It has: {', '.join(names) or 'none'}. Those of the settings are changed there.",
        )
    return names.index(name)


@contextmanager
def _changing(settings: Settings) -> Iterator[_Written]:
    """Yield the routes of the file with their texts, and write what they are when the block ends well."""
    path = routes_file(settings)
    with _alone(path):
        text = read_text(path) if path.is_file() else ""
        if text and not text.endswith("\n"):
            text += "\n"
        head, blocks = _blocks(text)
        routes = parse_routes(text, path)
        unlike = UsageError(
            f"{path} is not written one [[routes]] after the other.", remedy="Edit it by hand."
        )
        if len(routes) != len(blocks):
            raise unlike
        written = list(zip(routes, blocks, strict=True))
        yield written
        wanted = tuple(route for route, _ in written)
        check_routes((*routes_of(settings), *wanted), settings)
        changed = head + "".join(block for _, block in written)
        if parse_routes(changed, path) != wanted:
            raise unlike
        _replace(path, changed)


def _blocks(text: str) -> tuple[str, list[str]]:
    """Split a file at its routes; comments on the lines above a route are part of it."""
    lines = text.splitlines(keepends=True)
    starts = []
    for at, line in enumerate(lines):
        if _START.fullmatch(line.rstrip("\r\n")):
            while at and lines[at - 1].startswith("#"):
                at -= 1
            starts.append(at)
    starts.append(len(lines))
    return "".join(lines[: starts[0]]), ["".join(lines[start:end]) for start, end in pairwise(starts)]


def _former(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep others who change the file waiting.

    Raises:
        FirstreadError: the disk does not take the change.
    """
    lock = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise FirstreadError(
            f"{path} cannot be written: {error.strerror}.", remedy="Nothing was changed. See to its folder."
        ) from error
    finally:
        if lock >= 0:
            os.close(lock)


def _replace(path: Path, text: str) -> None:
    """Give a file another text in one step, and keep its former one; nobody ever sees half of either."""
    former = _write_beside(path, path.read_bytes() if path.is_file() else b"")
    new = _write_beside(path, text.encode())
    os.replace(former, _former(path))
    os.replace(new, path)
    flush_folder(path.parent)


def _write_beside(path: Path, content: bytes) -> Path:
    """Write a file that has the mode and, where that is allowed, the owner of the one that it shall replace."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _NO_SECRET)
    try:
        with os.fdopen(handle, "wb") as file:
            if path.is_file():
                there = path.stat()
                os.fchmod(handle, S_IMODE(there.st_mode))
                with suppress(PermissionError):
                    os.fchown(handle, there.st_uid, there.st_gid)
            file.write(content)
            file.flush()
            os.fsync(handle)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside
