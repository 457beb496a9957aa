"""How the axes of somebody else's network lie in ours."""

from collections.abc import Sequence
from dataclasses import dataclass

from firstread.errors import UsageError

OUR_AXES = "SPL"
"""Directions in which z, y and x of a package's input grow: superior, posterior, left."""
_OPPOSITE = {"S": "I", "I": "S", "P": "A", "A": "P", "L": "R", "R": "L"}


@dataclass(frozen=True)
class Axes:
    """How the network's three spatial axes lie in ours.

    Attributes:
        order: For each axis of the network, which of ours it is (0: z, 1: y, 2: x).
        turned: For each axis of the network, whether it grows the other way.
    """

    order: tuple[int, int, int]
    turned: tuple[bool, bool, bool]

    @classmethod
    def named(cls, letters: str) -> "Axes":
        """Read three letters, e.g. RAS: the first axis grows to the right, the second to the front, the third up.

        Raises:
            UsageError: they are not one each of S or I, P or A, L or R.
        """
        told = letters.upper()
        order = [n for letter in told for n, ours in enumerate(OUR_AXES) if letter in (ours, _OPPOSITE[ours])]
        if len(told) != 3 or sorted(order) != [0, 1, 2]:
            raise UsageError(
                f"{letters} does not name three axes.",
                remedy="Take one each of S or I, P or A, L or R, e.g. RAS.",
            )
        turned = tuple(letter not in OUR_AXES for letter in told)
        return cls(order=(order[0], order[1], order[2]), turned=(turned[0], turned[1], turned[2]))

    def of_network(self, ours: Sequence[int]) -> tuple[int, int, int]:
        """Return three numbers for z, y, x in the network's order."""
        return ours[self.order[0]], ours[self.order[1]], ours[self.order[2]]

    def to_ours(self, theirs: Sequence[int]) -> tuple[int, int, int]:
        """Return three numbers in the network's order as z, y, x."""
        z, y, x = (theirs[self.order.index(n)] for n in range(3))
        return z, y, x
