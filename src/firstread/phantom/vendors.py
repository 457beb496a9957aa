"""How scanners of different makers write the same image: a table of their habits."""

from dataclasses import dataclass
from typing import Literal

from firstread.phantom.scanner import Kernel

VendorLike = Literal["plain", "ge", "siemens", "philips", "canon"]


@dataclass(frozen=True)
class Habits:
    """What a maker's CT series look like. The Manufacturer is always the phantom's own.

    Attributes:
        kernels: Name of each reconstruction kernel.
        intercept: Rescale Intercept.
        signed: Whether stored values are signed.
        bits_stored: 12 or 16.
        padding: Stored value outside the round field of view; None where the maker fills it with air.
        head_first: Whether instance 1 is the highest slice.
        description: Series Description.
    """

    kernels: dict[Kernel, str]
    intercept: int
    signed: bool
    bits_stored: int
    padding: int | None
    head_first: bool
    description: str


VENDORS: dict[VendorLike, Habits] = {
    "plain": Habits(
        {"soft": "SOFT", "standard": "STANDARD", "sharp": "SHARP"}, -1024, True, 16, None, True, "Chest 1"
    ),
    "ge": Habits(
        {"soft": "SOFT", "standard": "STANDARD", "sharp": "LUNG"},
        -1024,
        True,
        16,
        -2000,
        True,
        "CHEST WITHOUT",
    ),
    "siemens": Habits(
        {"soft": "B20f", "standard": "B31f", "sharp": "B70f"}, -1024, False, 12, None, True, "Thorax  1.0"
    ),
    "philips": Habits({"soft": "A", "standard": "B", "sharp": "L"}, -1000, False, 12, None, False, "CHEST"),
    "canon": Habits(
        {"soft": "FC02", "standard": "FC08", "sharp": "FC52"}, 0, True, 16, None, False, "CHEST CE-"
    ),
}
