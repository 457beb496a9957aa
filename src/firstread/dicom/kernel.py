"""What kind of image a scanner's kernel name stands for."""

import re
from typing import Literal

Sharpness = Literal["standard", "sharp", "unknown"]

_SHARP_WORDS = {
    "LUNG",
    "BONE",
    "BONEPLUS",
    "EDGE",
    "ULTRA",
    "DETAIL",
    "SHARP",
    "YA",
    "YB",
    "YC",
    "YD",
    "YE",
    "L",
    "E",
}
_STANDARD_WORDS = {"STANDARD", "STND", "SOFT", "CHST", "CHEST", "A", "B", "C", "SMOOTH", "MEDIUM"}


def sharpness(kernel: str) -> Sharpness:
    """Tell a standard or soft kernel from a sharp one by the vendors' names.

    Siemens writes B, H, I, Br, Bl … with a number that grows with sharpness (B31f, Br40d, B70f, Bl57);
    Canon and Toshiba FC01-FC29 for soft tissue, FC30 up for bone and lung; GE and Philips
    words and letters.
    """
    name = kernel.split("\\")[0].strip().upper()
    if found := re.match(r"FC(\d\d)", name):
        return "standard" if int(found[1]) < 30 else "sharp"
    if found := re.match(r"[A-Z]{1,2}(\d\d)", name):
        return "standard" if int(found[1]) < 50 else "sharp"
    words = set(re.split(r"[^A-Z]+", name))
    if words & _SHARP_WORDS:
        return "sharp"
    return "standard" if words & _STANDARD_WORDS else "unknown"
