"""Kernel names of the vendors."""

import pytest

from firstread.dicom.kernel import sharpness


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("STANDARD", "standard"), ("LUNG", "sharp"), ("BONEPLUS", "sharp"), ("SOFT", "standard"),
        ("B31f", "standard"), ("B70f", "sharp"), ("Br40d\\3", "standard"), ("Bl57d", "sharp"),
        ("I31f\\3", "standard"),
        ("FC08", "standard"), ("FC51", "sharp"), ("L", "sharp"), ("B", "standard"),
        ("", "unknown"), ("XYZ", "unknown"),
    ],
)  # fmt: skip
def test_sharpness(kernel: str, kind: str) -> None:
    assert sharpness(kernel) == kind
