"""What a scanner does to a section: sampling, blur by kernel and slice profile, noise."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.fft

from firstread.phantom.field import Floats

Kernel = Literal["soft", "standard", "sharp"]


@dataclass(frozen=True)
class KernelShape:
    """A reconstruction kernel.

    Attributes:
        blur_mm: Standard deviation of the in-plane point spread.
        edge: Overshoot at edges, as the share of an unsharp mask; 0 for none.
        noise_hu: Noise in the middle of the body for 1.25 mm slices at a screening-to-routine dose; HU.
        noise_peak: Frequency at which the noise is strongest; cycles a mm.
    """

    blur_mm: float
    edge: float
    noise_hu: float
    noise_peak: float


KERNELS: dict[Kernel, KernelShape] = {
    "soft": KernelShape(blur_mm=0.72, edge=0.0, noise_hu=15.0, noise_peak=0.13),
    "standard": KernelShape(blur_mm=0.55, edge=0.0, noise_hu=24.0, noise_peak=0.18),
    "sharp": KernelShape(blur_mm=0.36, edge=0.35, noise_hu=62.0, noise_peak=0.45),
}
FWHM = 2.3548
"""Full width at half maximum of a Gaussian in standard deviations."""


def default_noise_hu(kernel: Kernel, thickness_mm: float) -> float:
    """Return the kernel's noise at a thickness; it falls with the square root of the photons."""
    return KERNELS[kernel].noise_hu * float(np.sqrt(1.25 / max(thickness_mm, 0.4)))


def slice_profile(thickness_mm: float, step_mm: float) -> npt.NDArray[np.float32]:
    """Return the weights of sections step_mm apart whose sum is one slice; odd count, sum 1.

    A Gaussian of which section and weights together are as wide as the slice is thick.
    """
    # In steps: what the weights must spread, beyond the width of the section itself.
    spread = max((thickness_mm / FWHM / step_mm) ** 2 - 1 / 12, 1e-4)
    at = np.arange(-(reach := max(1, int(np.ceil(2.8 * np.sqrt(spread))))), reach + 1)
    low, high = 0.05, 4.0 * np.sqrt(spread) + 1.0
    for _ in range(40):
        # A sampled Gaussian spreads less than its sigma says, the more so the narrower it is.
        sigma = (low + high) / 2
        weights = np.exp(-0.5 * (at / sigma) ** 2)
        weights /= weights.sum()
        low, high = (sigma, high) if (weights * at**2).sum() < spread else (low, sigma)
    profile: npt.NDArray[np.float32] = weights.astype(np.float32)
    return profile


class NoiseMaker:
    """Draws noise with the texture of a kernel, a slice at a time.

    Args:
        kernel: Reconstruction kernel.
        matrix: Rows and columns.
        pixel_mm: Pixel spacing (row, column).
        between: Correlation of neighbouring slices, 0 to 1: overlapping slices share photons.
    """

    def __init__(self, kernel: Kernel, matrix: int, pixel_mm: tuple[float, float], *, between: float) -> None:
        fy = scipy.fft.fftfreq(matrix, pixel_mm[0])[:, None]
        fx = scipy.fft.rfftfreq(matrix, pixel_mm[1])[None, :]
        f = np.hypot(fy, fx)
        peak = min(KERNELS[kernel].noise_peak, 0.4 / max(pixel_mm))
        # Ramp times apodisation: the noise power spectrum of filtered back projection.
        amplitude = np.sqrt((f / peak) * np.exp(1 - f / peak)) * np.exp(-((f / (2.6 * peak)) ** 4))
        both = np.where((np.arange(fx.shape[1]) == 0) | (np.arange(fx.shape[1]) == matrix // 2), 1.0, 2.0)
        power = float((amplitude**2 * both).sum())
        self._shape = (matrix, matrix)
        self._filter = (amplitude * matrix / np.sqrt(power) / np.sqrt(2) * np.sqrt(2)).astype(np.float32)
        self._between = np.float32(between)
        self._last: npt.NDArray[np.complex64] | None = None

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return the next slice of noise, unit standard deviation."""
        real = rng.standard_normal((*self._filter.shape, 2), dtype=np.float32)
        fresh: npt.NDArray[np.complex64] = real.view(np.complex64)[..., 0] * np.float32(np.sqrt(0.5))
        if self._last is not None and self._between > 0:
            fresh = self._between * self._last + np.sqrt(1 - self._between**2) * fresh
        self._last = fresh
        noise: Floats = scipy.fft.irfft2(fresh * self._filter, s=self._shape).astype(np.float32)
        return noise * np.float32(self._shape[0])
