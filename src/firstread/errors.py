"""The errors that a user is meant to read, each with what to do about it."""


class FirstreadError(Exception):
    """A failure that has a name.

    Args:
        message: What was wrong, and in which file or series.
        remedy: What the reader of the message can do about it.
    """

    exit_code = 5

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(FirstreadError):
    """The command was called in a way that cannot work (exit code 2)."""

    exit_code = 2


class NothingReadable(FirstreadError):
    """The input holds no image that any reader could read (exit code 3)."""

    exit_code = 3


class RefusedInput(FirstreadError):
    """The input is of the right kind, but taking it would not be safe (exit code 4)."""

    exit_code = 4


class ModelPackageError(FirstreadError):
    """A model package is missing, damaged, or not what its manifest says."""


class DiskFull(FirstreadError):
    """There was no room for what was to be written; nothing half-written was kept."""


class ArchiveUnavailable(FirstreadError):
    """The archive's database or disk does not answer; what was not acknowledged was not stored: try again."""


class AlteredInstance(FirstreadError):
    """A stored instance is not as it came."""


class ArchiveFull(ArchiveUnavailable, DiskFull):
    """The archive's disk, or its share of it, has no room left."""


class Cancelled(FirstreadError):
    """The caller asked the read to stop; a progress callback raises it."""
