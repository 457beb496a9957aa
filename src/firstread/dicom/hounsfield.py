"""Stored values → Hounsfield units."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.dicom.frames import Frame
from firstread.dicom.header import number

AIR = -1024
"""HU that padding is set to. Nothing in a CT is thinner than air, -1000 HU; scanners write down to -1024,
and -2000 or -3024 only where they measured nothing."""

_HIGHEST = 32767
_PADDED_AT_MOST = -900
_PADDED_AT_LEAST = 3072


@dataclass(frozen=True)
class Rescale:
    """How one image's stored values become HU.

    Attributes:
        slope: Rescale Slope.
        intercept: Rescale Intercept.
        padding: Lowest and highest stored value that mean "not measured"; None when there are none.
        contested: HU of a declared padding value that is the HU of tissue, and so was not treated as padding.
    """

    slope: float
    intercept: float
    padding: tuple[float, float] | None = None
    contested: float | None = None


def rescale_of(frame: Frame) -> Rescale:
    """Read slope, intercept and padding (PS3.3 C.7.5.1.1.2, C.11.1)."""
    header = frame.instance.header
    low = number(header, "PixelPaddingValue")
    if low is None:
        return Rescale(frame.slope, frame.intercept)
    high = number(header, "PixelPaddingRangeLimit")
    ends = [low if high is None else min(low, high), low if high is None else max(low, high)]
    bits, signed = number(header, "BitsAllocated") or 16, number(header, "PixelRepresentation") == 1
    # Some scanners write the bits of a negative value as an unsigned one: 63536 for -2000.
    ends = [e - 2**bits if signed and e >= 2 ** (bits - 1) else e for e in ends]
    in_hu = sorted(frame.slope * e + frame.intercept for e in ends)
    if in_hu[1] <= _PADDED_AT_MOST or in_hu[0] >= _PADDED_AT_LEAST:
        return Rescale(frame.slope, frame.intercept, padding=(min(ends), max(ends)))
    return Rescale(frame.slope, frame.intercept, contested=in_hu[0])


def hounsfield(stored: npt.NDArray[np.int32], rescale: Rescale, out: npt.NDArray[np.int16]) -> None:
    """Write HU, rounded, padding and everything below as `AIR`, into `out` (row, column)."""
    slope, intercept = rescale.slope, rescale.intercept
    if slope == 1 and intercept == int(intercept):
        # int32 cannot overflow here: stored values that come near its ends are clipped first.
        values = np.clip(stored, -(2**24), 2**24) + np.int32(intercept)
    else:
        values = np.rint(np.clip(stored * slope + intercept, AIR, _HIGHEST)).astype(np.int32)
    if rescale.padding is not None:
        low, high = rescale.padding
        if slope * low + intercept > AIR or slope * high + intercept > AIR:
            values[(stored >= low) & (stored <= high)] = AIR
    np.clip(values, AIR, _HIGHEST, out=values)
    out[...] = values
