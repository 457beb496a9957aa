"""What the detector is taught: crops, their augmentation, and targets."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")

from tests.small_scene import nodule, scene, written  # noqa: E402
from training.lung_nodule import train_detector  # noqa: E402
from training.lung_nodule.crops import ROWS, CropStore, augmented  # noqa: E402
from training.lung_nodule.networks import Detector, norms  # noqa: E402
from training.lung_nodule.scene_files import stored, write  # noqa: E402
from training.lung_nodule.train_detector import STRIDE, Average, loss_of, targets  # noqa: E402

EDGE = 48


def test_a_stored_scene_keeps_nodules_and_what_to_crop_around(tmp_path):
    kept = written(
        tmp_path, nodule(), nodule((20, 20, 20), 6.0, readers=1), nodule((60, 60, 60), site="real")
    )
    assert kept.nodules[:, 3:].tolist() == [[8, 4], [6, 1], [8, 4]]
    places = [tuple(place) for place in kept.around.tolist()]
    # A real nodule more often, one that a single reader marked never, and three places anywhere.
    assert places.count((44, 40, 46)) == 1 and places.count((60, 60, 60)) == 4 and len(places) == 8
    assert kept.hu()[44, 40, 46] > 180 > 30 > kept.hu()[0, 0, 0]
    assert kept.cover()[22, 20, 23] == 1


def test_a_faint_nodule_is_cropped_around_more_often(tmp_path):
    plain = written(tmp_path / "plain", nodule(), nodule((20, 20, 20)))
    hu = np.load(plain.folder / "hu.npy")
    hu[16:25, 16:25, 16:25] = 60  # -670 HU
    np.save(plain.folder / "hu.npy", hu)
    assert CropStore([tmp_path / "plain"], seed=0).count == len(plain.around) + 2


def test_an_augmented_nodule_is_where_its_row_says(tmp_path):
    kept, whole = written(tmp_path, nodule()), 0
    for seed in range(14):
        image, cover, rows = augmented(kept, kept.around[0], np.random.default_rng(seed), edge=EDGE)
        z, y, x, diameter, _ = rows[0]
        if not all(diameter / 2 + 1 < c < EDGE - diameter / 2 - 2 for c in (z, y, x)):
            continue  # Turned, the crop cuts the nodule.
        inside = np.argwhere(image > -500)
        assert inside.mean(0) == pytest.approx((z, y, x), abs=0.6)
        assert len(inside) == pytest.approx(np.pi / 6 * diameter**3, rel=0.25)
        assert np.argwhere(cover > 0).mean(0) * 2 + 0.5 == pytest.approx((z, y, x), abs=1.0)
        whole += 1
    assert whole >= 10


def test_a_nodule_that_the_crop_cuts_is_neither_asked_for_nor_background(tmp_path):
    kept = written(tmp_path, nodule((44, 40, 46)), nodule((44, 40, 75), 10.0))
    cut = 0
    for seed in range(40):
        _, _, rows = augmented(kept, kept.around[0], np.random.default_rng(seed), edge=EDGE)
        for row in rows[rows[:, 3] > 9]:
            at_border = (row[:3] < 6).any() or (row[:3] > EDGE - 7).any()
            assert (row[4] == 0) == at_border
            cut += at_border
    assert cut > 3


def test_a_crop_past_the_end_of_a_scene_sees_air(tmp_path):
    write(
        scene(nodule((20, 20, 20)), shape=(40, 60, 60)),
        np.random.default_rng(0),
        tmp_path / "scene-0",
        empty=0,
    )
    (kept,) = stored(tmp_path)
    image, _, rows = augmented(kept, kept.around[0], np.random.default_rng(4), edge=EDGE)
    assert image.shape == (EDGE,) * 3 and rows.shape == (ROWS, 5)
    assert (image < -930).sum() >= 8 * EDGE * EDGE * 0.9


@pytest.mark.parametrize("offset", [0.0, 1.0, 2.0, 3.3])
def test_every_nodule_has_a_cell_wherever_the_grid_falls(offset):
    nodules = np.array([[[20 + offset, 21 + offset, 23.5, 3.0, 4]]], np.float32)
    truth = targets(nodules, edge=48)
    assert truth["positive"].sum() == pytest.approx(1.0)
    cells = np.argwhere(truth["positive"][0, 0].numpy() > 0)
    shifts = truth["shift"][0].numpy()[:, *cells.T].T
    assert (cells + shifts) * STRIDE == pytest.approx(np.tile(nodules[0, 0, :3], (len(cells), 1)), abs=1e-4)
    assert (truth["negative"][0, 0].numpy()[tuple(cells.T)] == 0).all()


def test_a_mark_of_one_reader_teaches_nothing_where_it_is():
    truth = targets(np.array([[[24, 24, 24, 10, 1]]], np.float32), edge=48)
    assert truth["positive"].sum() == 0
    assert truth["negative"][0, 0, 6, 6, 6] == 0
    assert truth["negative"][0, 0, 0, 0, 0] == 1


def test_the_loss_is_least_for_the_truth_and_counts_each_crop():
    nodules = np.array([[[24, 24, 24, 6, 4]], [[24, 24, 24, 0, 0]]], np.float32)
    truth = targets(nodules, edge=48)
    cover = torch.zeros(2, 1, 24, 24, 24)
    sure = torch.where(truth["positive"] > 0, 8.0, -8.0)
    right = {"heat": sure, "size": truth["size"], "shift": truth["shift"], "cover": cover - 30}
    wrong = right | {"heat": -sure}
    good, _, each = loss_of(right, truth, cover)
    bad, _, worse = loss_of(wrong, truth, cover)
    assert good < 0.1 < bad
    assert each.shape == (2,) and (worse > each).all()


def test_hard_places_come_more_often(tmp_path):
    written(tmp_path, nodule(), empty=19)
    store = CropStore([tmp_path], seed=0)
    assert store.count == 20
    for _ in range(4):
        store.learned(np.arange(20), np.where(np.arange(20) == 7, 3.0, 0.0).astype(np.float32))
    picked = np.concatenate([store.batch(20, edge=16)[3] for _ in range(5)])
    assert (picked == 7).mean() > 0.3
    assert len(set(picked.tolist())) > 5


def test_a_store_without_scenes_says_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="scene_files"):
        CropStore([tmp_path], seed=0)


def test_the_average_follows_the_weights():
    layer = torch.nn.Linear(1, 1)
    average = Average(layer)
    with torch.no_grad():
        layer.weight.fill_(5.0)
    for _ in range(300):
        average.take(layer)
    assert average.network.weight.item() == pytest.approx(5.0, abs=0.5)


@pytest.mark.parametrize("held", [False, True])
def test_with_batch_norm_held_its_statistics_stay_and_the_weights_move(tmp_path, monkeypatch, held):
    written(tmp_path / "scenes", nodule())
    torch.manual_seed(0)
    before = Detector().state_dict()
    torch.save(before, tmp_path / "start.pt")
    asked = [
        "train_detector", "--scenes", tmp_path / "scenes", "--out", tmp_path / "out", "--start", tmp_path / "start.pt",
        "--steps", 2, "--edges", 32, "--voxels", 32**3, "--threads", 1, *(["--fixed-norm"] if held else []),
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [str(word) for word in asked])
    train_detector.main()
    after = torch.load(tmp_path / "out" / "state.pt", weights_only=True)["network"]
    assert not torch.equal(after["head.weight"], before["head.weight"])
    same = [torch.equal(after[n], before[n]) for n in before if n.endswith("running_mean")]
    assert len(same) == len(norms(Detector())) > 10
    assert all(same) if held else not any(same)
