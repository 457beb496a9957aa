import numpy as np
import pytest

from firstread.phantom.scanner import FWHM, NoiseMaker, default_noise_hu, slice_profile


@pytest.mark.parametrize(("thickness", "step"), [(1.25, 1.25), (2.5, 1.25), (5.0, 1.25), (0.6, 0.6)])
def test_the_slice_profile_is_as_wide_as_the_slice_is_thick(thickness, step):
    weights = slice_profile(thickness, step)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    assert len(weights) % 2 == 1
    at = (np.arange(len(weights)) - len(weights) // 2) * step
    # A section is itself step wide; together they make the thickness.
    width = FWHM * np.sqrt((weights * at**2).sum() + step**2 / 12)
    assert width == pytest.approx(thickness, rel=0.05)


@pytest.mark.parametrize("kernel", ["soft", "standard", "sharp"])
def test_noise_has_unit_deviation_and_no_mean(kernel):
    maker = NoiseMaker(kernel, 256, (0.7, 0.7), between=0.0)
    noise = maker.draw(np.random.default_rng(0))
    assert noise.std() == pytest.approx(1, rel=0.05)
    assert abs(noise.mean()) < 1e-3


def test_a_sharper_kernel_has_finer_noise():
    def neighbours(kernel):
        noise = NoiseMaker(kernel, 256, (0.7, 0.7), between=0.0).draw(np.random.default_rng(0))
        return float((noise[:, 1:] * noise[:, :-1]).mean())

    assert neighbours("soft") > neighbours("standard") > neighbours("sharp")


def test_neighbouring_slices_share_noise():
    maker, rng = NoiseMaker("standard", 256, (0.7, 0.7), between=0.4), np.random.default_rng(0)
    first, second = maker.draw(rng), maker.draw(rng)
    assert float((first * second).mean()) == pytest.approx(0.4, abs=0.05)


def test_thin_slices_are_noisier():
    assert default_noise_hu("standard", 1.25) == pytest.approx(2 * default_noise_hu("standard", 5.0))
