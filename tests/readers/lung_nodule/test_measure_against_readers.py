"""Diameters of real nodules against what four radiologists drew; benchmarks/measurement.py has all scans."""

import json

import numpy as np
import pytest

from firstread.dicom.choose import choose_series
from firstread.dicom.discover import open_study
from firstread.dicom.load import load_volume
from firstread.readers.lung_nodule.attenuation import attenuation_of
from firstread.readers.lung_nodule.grid import extent_lps_mm, labels_on, reading_grid, resample
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.outline import outline_nodule
from training.lung_nodule.lungs import lung_labels

# Near each nodule's annotated centre: the marks around it say the rest.
NODULES = {
    "lidc-0005": [(-79.3, 94.0, -146.3), (43.6, 100.6, -140.0)],
}


@pytest.fixture(scope="module", params=NODULES)
def scan(request, shared_ct):
    volume = load_volume(choose_series(open_study(shared_ct / request.param)).series)
    grid = reading_grid(*extent_lps_mm(volume.geometry), spacing_mm=2.0)
    lungs = lung_labels(resample(volume, grid, smooth=True), spacing_mm=2.0)
    marks = json.loads((shared_ct / request.param / "annotations.json").read_text())["readers_annotations"]
    return volume, labels_on(lungs, grid, volume.geometry), NODULES[request.param], marks


def test_solid_nodules_measure_within_a_quarter_of_the_readers_range(scan):
    volume, lungs, nodules, marks = scan
    for nodule in nodules:
        readers = [m for m in marks if np.linalg.norm(np.subtract(m["center_lps_mm"], nodule)) < 5]
        assert len(readers) >= 3
        long = [m["long_diameter_mm"] for m in readers]
        for off, factor in [((0, 0, 0), 1.0), ((2, -1, 1), 0.75), ((-1, 2, -1), 1.25)]:
            mask = outline_nodule(
                volume,
                lungs,
                center_lps_mm=np.add(nodule, off),
                diameter_mm=factor * np.mean(long),
            )
            found = measure_mask(volume, mask)
            assert 0.75 * min(long) <= found.diameter_mm.long <= 1.25 * max(long)
            assert attenuation_of(volume, mask).attenuation == "solid"
