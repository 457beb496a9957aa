"""The readers that are installed: built-in ones and third parties' register the same way."""

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from firstread.errors import FirstreadError, NothingReadable, UsageError

if TYPE_CHECKING:
    from firstread.dicom.series import Study
    from firstread.readers.base import Reader

GROUP = "firstread.readers"


def installed_readers() -> dict[str, EntryPoint]:
    """Return the entry point of every installed reader by its name, sorted, without importing any."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def load_reader(name: str) -> "Reader":
    """Import and make the reader registered under a name.

    Raises:
        UsageError: no reader has this name.
        FirstreadError: the reader's package fails when it is imported.
    """
    known = installed_readers()
    if name not in known:
        have = ", ".join(known) or "none"
        raise UsageError(f"There is no reader named {name!r}.", remedy=f"Installed readers: {have}.")
    try:
        return cast("Reader", known[name].load()())
    except FirstreadError:
        raise
    except Exception as problem:
        raise FirstreadError(
            f"The reader {name!r} ({known[name].value}) cannot be loaded: "
            f"{type(problem).__name__}: {problem}.",
            remedy="Reinstall the package that brings it, or choose another with --reader.",
        ) from problem


def choose_reader(study: "Study") -> "Reader":
    """Return the first reader that accepts a series of the study.

    Where none accepts any and only one is installed, that one is returned: it can say best why not.

    Raises:
        UsageError: none is installed.
        NothingReadable: several are installed and none accepts a series.
    """
    readers = [load_reader(known) for known in installed_readers()]
    if not readers:
        raise UsageError("No reader is installed.", remedy="Reinstall firstread: it brings `lung_nodule`.")
    for reader in readers:
        if any(reader.accepts(series) for series in study.series):
            return reader
    if len(readers) == 1:
        return readers[0]
    names = ", ".join(reader.name for reader in readers)
    raise NothingReadable(
        f"None of the installed readers ({names}) reads any series of study {study.study_uid}.",
        remedy="`firstread info PATH` says what it holds.",
    )
