"""Classical lung labels, disease drawn into chests, the measurement, and training that continues where it stopped."""

import json

import numpy as np
import pytest

from firstread.readers.lung_nodule.grid import reading_grid
from training.lung_nodule.disease import Patient, acquired
from training.lung_nodule.lungs import LEFT, RIGHT, lung_labels
from training.lung_nodule.measure_lungs import dice, joined, marks_inside

SHAPE = (90, 110, 150)
MM = 2.0


def ellipsoid(centre, radii):
    grid = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True)) <= 1


@pytest.fixture
def chest():
    """A body with two lungs as dark as emphysema and a trachea whose thin wall touches the right one."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    hu = np.full(SHAPE, -1000, np.int16)
    hu[np.broadcast_to(((y - 55) / 48) ** 2 + ((x - 75) / 68) ** 2 <= 1, SHAPE)] = 30
    right, left = ellipsoid((45, 55, 45), (35, 32, 22)), ellipsoid((45, 55, 106), (35, 32, 22))
    hu[right | left] = -960
    tube = np.broadcast_to(((y - 55) ** 2 + (x - 73) ** 2 <= 16) & (z > 40), SHAPE)
    wall = np.broadcast_to(((y - 55) ** 2 + (x - 73) ** 2 <= 36) & (z > 40), SHAPE)
    hu[wall], hu[tube] = 30, -1000
    truth = (right * RIGHT + left * LEFT).astype(np.uint8)
    truth[wall] = 0
    return hu, truth, tube


def test_the_trachea_is_no_lung_and_dark_parenchyma_beside_it_is_not_taken_for_airway(chest):
    hu, truth, tube = chest
    labels = lung_labels(hu, spacing_mm=MM)
    assert not labels[tube].any()
    assert min(dice(truth, labels)) > 0.97


def test_gas_in_bowel_that_leans_on_a_lung_is_no_lung(chest):
    hu, truth, _ = chest
    hu[truth > 0] = -850
    bowel = ellipsoid((11, 55, 106), (8, 12, 12)) & (truth == 0)
    hu[bowel] = -1000
    labels = lung_labels(hu, spacing_mm=MM)
    assert (labels[bowel] > 0).mean() < 0.15
    assert min(dice(truth, labels)) > 0.95


def test_a_nodule_on_the_pleura_stays_in_the_lung(chest):
    hu, truth, _ = chest
    nodule = ellipsoid((45, 55, 27), (2.5, 2.5, 2.5)) & (truth > 0)
    hu[nodule] = 40
    assert (lung_labels(hu, spacing_mm=MM)[nodule] == RIGHT).mean() > 0.9


def test_disease_makes_lung_denser_and_nothing_else(chest):
    hu, truth, _ = chest
    healthy = hu.astype(np.float32)
    healthy[truth > 0] = -850
    changed_at_all = 0
    for seed in range(12):
        ill = healthy.copy()
        Patient(ill, truth, [(np.ones((8, 8, 8), np.float32), 18.0)], np.random.default_rng(seed)).fall_ill()
        assert (ill[truth == 0] == healthy[truth == 0]).all()
        changed_at_all += int((ill - healthy > 500).sum() > 50)
    assert changed_at_all >= 6


def test_what_was_not_scanned_is_no_lung(chest):
    hu, truth, _ = chest
    cut = 0
    for seed in range(40):
        image, seen = acquired(hu.astype(np.float32), truth, np.random.default_rng(seed))
        lost = (truth > 0) & (seen == 0)
        cut += int(lost.any())
        assert (image[lost] == -1000).all()
        assert (seen[seen > 0] == truth[seen > 0]).all()
    assert 5 < cut < 35


def test_a_mark_beyond_the_mask_says_how_far_to_look():
    grid = reading_grid((0, 0, 0), (90, 90, 90), spacing_mm=3.0)
    lungs = np.zeros(grid.shape, bool)
    lungs[:, :, :15] = True
    row = {"center_lps_mm": [51.0, 45.0, 45.0], "size_mm": [12.0, 12.0, 12.0], "long_diameter_mm": 12.0}
    near = {**row, "center_lps_mm": [49.0, 45.0, 45.0]}
    inner = {**row, "center_lps_mm": [20.0, 45.0, 45.0]}
    beyond, beside, inside = marks_inside([row, near, inner], lungs, grid)
    assert beyond["centre_beyond_mm"] == 9.0
    assert beyond["readers"] == beside["readers"] == 2 and inside["readers"] == 1
    assert beyond["share_inside"]["0.0"] < 0.2 and beyond["share_inside"]["18.0"] == 1.0
    assert inside["share_inside"]["0.0"] == 1.0
    scan = {"right": 0.9, "left": 0.8, "right_slices": 0.9, "left_slices": 0.8, "marks": [beyond, inside]}
    summary = joined([scan, {**scan, "right": 0.94}])
    assert summary["right"]["mean"] == 0.92
    assert summary["right"]["interval"] == [
        pytest.approx(0.92 - 12.706 * 0.02, abs=1e-3),
        pytest.approx(1.1741, abs=1e-3),
    ]
    assert summary["marks"]["centre_inside"] == {"0.0": 2, "3.0": 2, "6.0": 2, "9.0": 4, "12.0": 4, "18.0": 4}


def test_training_that_was_stopped_continues_as_if_it_had_not_been(chest, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="training needs the extra `train`")
    from training.lung_nodule import train_lungs

    hu, truth, _ = chest
    np.savez(tmp_path / "chest.npz", hu=hu, lungs=truth)
    monkeypatch.setattr(train_lungs, "SHAPE", (32, 48, 64))
    monkeypatch.setattr(train_lungs, "_EVERY", 2)

    def run(out, *more):
        chests = ["--chests", str(tmp_path / "chest.npz")]
        words = ["train_lungs", *chests, "--out", str(out), "--steps", "4", "--exact", *more]
        monkeypatch.setattr("sys.argv", words)
        train_lungs.main()

    run(tmp_path / "whole")
    real, calls = train_lungs.drawn, []

    def stopped(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(train_lungs, "drawn", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts")
    run(tmp_path / "parts", "--resume")
    whole, parts = (torch.load(tmp_path / n / "weights.pt", weights_only=True) for n in ("whole", "parts"))
    assert all(torch.allclose(whole[name].float(), parts[name].float(), atol=1e-5) for name in whole)
    log = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert log == [2, 4]
