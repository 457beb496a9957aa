"""Phantoms that several tests look at; each takes seconds to make."""

import pytest

from firstread.phantom import NoduleSpec, Phantom, make_phantom

SPECS = (
    NoduleSpec(diameter_mm=10, attenuation="solid"),
    NoduleSpec(diameter_mm=12, attenuation="solid", site="juxtapleural", side="left"),
    NoduleSpec(diameter_mm=16, attenuation="ground-glass", side="right"),
    NoduleSpec(diameter_mm=18, attenuation="part-solid", solid_part_mm=8, margin="lobulated"),
    NoduleSpec(diameter_mm=8, attenuation="calcified"),
    NoduleSpec(diameter_mm=14, attenuation="fat", zone="middle"),
    NoduleSpec(diameter_mm=7, attenuation="solid", site="perivascular"),
    NoduleSpec(diameter_mm=11, attenuation="solid", margin="spiculated"),
)
COARSE = {"slices": 24, "spacing_mm": (2.5, 2.8, 2.8), "matrix": 128}


@pytest.fixture(scope="session")
def quiet_phantom() -> Phantom:
    """Every kind of nodule, without noise."""
    return make_phantom(
        seed=11, slices=110, spacing_mm=(1.5, 0.8, 0.8), matrix=432, nodules=SPECS, dose_noise_hu=0
    )


@pytest.fixture(scope="session")
def coarse_phantom() -> Phantom:
    """Small and noisy, with two nodules."""
    return make_phantom(seed=3, nodules=2, **COARSE)
