"""What the tests of the engine share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstread.engine import ModelPackage
from tests.engine.tiny_network import write_package

MakePackage = Callable[..., ModelPackage]


@pytest.fixture
def make_package(tmp_path: Path) -> MakePackage:
    """Write packages under tmp_path/models."""
    return lambda name="tiny", **rest: write_package(tmp_path / "models" / name, **rest)


@pytest.fixture
def volume() -> np.ndarray:
    """Make HU noise with a smooth part, of a shape that fits neither tile nor stride."""
    rng = np.random.default_rng(1)
    ramp = np.linspace(-1000, 300, 53, dtype=np.float32)[:, None, None]
    return (ramp + rng.normal(0, 200, (53, 70, 41))).astype(np.int16)


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tester's settings and cache out of the tests."""
    monkeypatch.setenv("FIRSTREAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FIRSTREAD_MODELS", str(tmp_path / "models"))
    for name in ("FIRSTREAD_THREADS", "FIRSTREAD_PRECISION", "FIRSTREAD_CONFIG"):
        monkeypatch.delenv(name, raising=False)
