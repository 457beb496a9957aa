"""The files of a command, each written whole; one that is there is replaced only when that was asked for."""

import os
from collections.abc import Mapping
from pathlib import Path

from firstread.errors import FirstreadError, UsageError


def check_output(out: Path, names: tuple[str, ...], *, replace: bool) -> None:
    """Make sure that files could be written, before time is spent on reading.

    Raises:
        UsageError: one of them is there already and must not be replaced, or the folder cannot be written to.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is not a folder.", remedy="Choose another with --out.")
    there = [name for name in names if (out / name).exists()]
    if there and not replace:
        raise UsageError(
            f"{out} holds {there[0]} already.",
            remedy="Choose another folder with --out, or replace it with --force.",
        )
    parent = out.absolute()
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{parent} cannot be written to.", remedy="Choose another folder with --out.")


def write_output(out: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write files by name and return their paths.

    Raises:
        FirstreadError: the disk is full, or fails.
    """
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial = out / f".{name}.partial"
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, out / name)
            written.append(out / name)
    except OSError as problem:
        raise FirstreadError(
            f"The files could not be written to {out}: {problem.strerror or problem}.",
            remedy="Check the space on that disk, or choose another folder with --out.",
        ) from problem
    return tuple(written)
