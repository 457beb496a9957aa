"""What the detector is taught: patches, their augmentation, and targets."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")

from training.lung_nodule.patch_store import CROP, PatchStore, augmented  # noqa: E402
from training.lung_nodule.patches import EDGE  # noqa: E402
from training.lung_nodule.train_detector import STRIDE, Average, loss_of, targets  # noqa: E402


def patch(centre=(30, 34, 28), diameter=8.0):
    z, y, x = np.ogrid[:EDGE, :EDGE, :EDGE]
    ball = sum((g - c) ** 2 for g, c in zip((z, y, x), centre, strict=True)) <= (diameter / 2) ** 2
    hu = np.where(ball, 190, 20).astype(np.uint8)
    cover = ball.reshape(32, 2, 32, 2, 32, 2).max((1, 3, 5))
    nodules = np.zeros((6, 5), np.float32)
    nodules[0] = (*centre, diameter, 4)
    return hu, cover, nodules


@pytest.mark.parametrize("seed", range(12))
def test_an_augmented_nodule_is_where_its_row_says(seed):
    image, cover, rows = augmented(*patch(), np.random.default_rng(seed), edge=CROP)
    z, y, x, diameter, _ = rows[0]
    inside = np.argwhere(image > -500)
    if not all(diameter / 2 + 1 < c < CROP - diameter / 2 - 2 for c in (z, y, x)):
        pytest.skip("this crop cuts the nodule")
    assert inside.mean(0) == pytest.approx((z, y, x), abs=0.6)
    assert len(inside) == pytest.approx(np.pi / 6 * diameter**3, rel=0.25)
    assert np.argwhere(cover > 0).mean(0) * 2 + 0.5 == pytest.approx((z, y, x), abs=1.0)


@pytest.mark.parametrize("offset", [0.0, 1.0, 2.0, 3.3])
def test_every_nodule_has_a_cell_wherever_the_grid_falls(offset):
    nodules = np.array([[[20 + offset, 21 + offset, 23.5, 3.0, 4]]], np.float32)
    truth = targets(nodules, edge=48)
    assert truth["positive"].sum() == pytest.approx(1.0)
    cells = np.argwhere(truth["positive"][0, 0].numpy() > 0)
    shifts = truth["shift"][0].numpy()[:, *cells.T].T
    assert (cells + shifts) * STRIDE == pytest.approx(np.tile(nodules[0, 0, :3], (len(cells), 1)), abs=1e-4)
    assert (truth["negative"][0, 0].numpy()[tuple(cells.T)] == 0).all()


def test_marks_of_few_readers_teach_nothing_where_they_are():
    truth = targets(np.array([[[24, 24, 24, 10, 2]]], np.float32), edge=48)
    assert truth["positive"].sum() == 0
    assert truth["negative"][0, 0, 6, 6, 6] == 0
    assert truth["negative"][0, 0, 0, 0, 0] == 1


def test_the_loss_is_least_for_the_truth_and_counts_each_patch():
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


def test_hard_patches_come_more_often_and_new_scenes_are_taken_in(tmp_path):
    hu, cover, nodules = patch()
    np.savez(
        tmp_path / "scene-0.npz",
        hu=np.stack([hu] * 20),
        cover=np.stack([cover] * 20),
        nodules=np.stack([nodules] * 20),
    )
    store = PatchStore([tmp_path], seed=0)
    assert store.count == 20
    for _ in range(4):
        store.learned(np.arange(20), np.where(np.arange(20) == 7, 3.0, 0.0).astype(np.float32))
    picked = np.concatenate([store.batch(20)[3] for _ in range(5)])
    assert (picked == 7).mean() > 0.3
    np.savez(tmp_path / "scene-1.npz", hu=hu[None], cover=cover[None], nodules=nodules[None])
    store.refresh()
    assert store.count == 21


def test_the_average_follows_the_weights():
    layer = torch.nn.Linear(1, 1)
    average = Average(layer)
    with torch.no_grad():
        layer.weight.fill_(5.0)
    for _ in range(300):
        average.take(layer)
    assert average.network.weight.item() == pytest.approx(5.0, abs=0.5)
