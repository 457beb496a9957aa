"""One phantom, written and read once, that the whole-product tests share."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from firstread.findings import ReadResult
from firstread.phantom import NoduleSpec, Phantom, make_phantom
from firstread.phantom.series import write_series
from firstread.workflow.read_study import read_study
from tests.network.conftest import storescp

__all__ = ["storescp"]

NODULES = (
    NoduleSpec(diameter_mm=6.5, attenuation="solid", side="left", zone="lower"),
    NoduleSpec(diameter_mm=9, attenuation="solid", site="juxtapleural", side="right", zone="middle"),
    NoduleSpec(diameter_mm=14, attenuation="part-solid", solid_part_mm=7, side="right", zone="upper"),
    NoduleSpec(diameter_mm=18, attenuation="ground-glass", side="left", zone="upper"),
)


@dataclass(frozen=True)
class ReadPhantom:
    """A phantom on disk, its truth, and the result folder of reading it."""

    series: Path
    phantom: Phantom
    out: Path
    result: ReadResult


@pytest.fixture(scope="session")
def read_phantom(tmp_path_factory: pytest.TempPathFactory) -> ReadPhantom:
    """A phantom with four nodules, read through the whole product."""
    folder = tmp_path_factory.mktemp("phantom")
    phantom = make_phantom(seed=21, spacing_mm=(2.0, 0.8, 0.8), nodules=NODULES)
    series = folder / "series"
    write_series(phantom, series, study_date=date(2024, 3, 1))
    result = read_study(series, folder / "out", reader="lung_nodule")
    return ReadPhantom(series, phantom, folder / "out", result)
