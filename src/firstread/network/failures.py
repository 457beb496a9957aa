"""How a delivery fails: in a way that may pass, or for good."""

from firstread.errors import FirstreadError


class DeliveryFailed(FirstreadError):
    """A document did not reach a destination; the message names no patient."""


class PassingFailure(DeliveryFailed):
    """The destination is away or busy: try again.

    Args:
        message: What was wrong.
        retry_after_s: For how many seconds the destination asked not to be called; None where it did not ask.
    """

    def __init__(self, message: str, *, remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class PermanentFailure(DeliveryFailed):
    """The destination refused, or the settings cannot work: trying again without a change is of no use."""
