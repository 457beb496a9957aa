"""What every channel is: something that sends a message, and says whether sending it again is harmless."""

from collections.abc import Callable
from typing import Protocol

from firstread.alerts.messages import Message
from firstread.errors import FirstreadError

LastWord = Callable[[], None]
"""To be called right before what cannot be taken back; raises `NotWanted` where the message is not to be sent."""


class NotWanted(FirstreadError):
    """The alert has ended, or another process sends it."""


class Uncertain(FirstreadError):
    """The last word was sent, and whether it was taken is not known."""


class Sender(Protocol):
    """A channel of the site's.

    `repeatable`: receivers know a repetition by its key, so that sending again is harmless.
    """

    @property
    def repeatable(self) -> bool:
        """Whether sending again is harmless."""

    def send(self, message: Message, last_word: LastWord) -> None:
        """Send a message.

        Raises:
            PassingFailure: it was not sent; try again.
            PermanentFailure: it was not sent, and will not be without a change.
            Uncertain: it may have been taken.
            NotWanted: `last_word` said so.
        """
