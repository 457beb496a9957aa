"""What the candidate network is taught: cubes around proposals, half nodules and half false alarms."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")

from tests.small_scene import nodule, written  # noqa: E402
from training.lung_nodule.mining import FALSE_ALARM, IGNORED, NODULE  # noqa: E402
from training.lung_nodule.networks import CandidateNetwork  # noqa: E402
from training.lung_nodule.train_candidate import EDGE, ProposalStore  # noqa: E402


def mined(folder, scene, *rows):
    path = folder / scene.folder.parent.name / f"{scene.folder.name}.npz"
    path.parent.mkdir(parents=True)
    np.savez(
        path,
        place=np.array([row[0] for row in rows], np.float32),
        label=np.array([row[1] for row in rows], np.int8),
    )
    return folder


@pytest.fixture
def store(tmp_path):
    scene = written(tmp_path / "scenes", nodule((44, 40, 46)))
    rows = (((45, 40, 45), NODULE), ((70, 20, 20), FALSE_ALARM), ((44, 46, 46), IGNORED))
    return ProposalStore([tmp_path / "scenes"], [mined(tmp_path / "mined", scene, *rows)], seed=0)


def test_a_batch_is_half_nodules_each_in_the_middle_with_its_outline(store):
    assert store.counts == (1, 1)
    hu, cover, picked = store.batch(8)
    assert hu.shape == (16, 1, EDGE, EDGE, EDGE) and cover.shape == (16, 1, EDGE // 2, EDGE // 2, EDGE // 2)
    assert picked.tolist() == [0] * 8 + [1] * 8
    dense = [np.argwhere(one[0].numpy() > -400) for one in hu]
    for found in dense[:8]:
        # A jitter of 2 mm, the proposal's own error of 1 mm and steps of 2 mm.
        assert np.abs(found.mean(0) - (EDGE - 1) / 2).max() < 4.5
    assert all(len(found) == 0 for found in dense[8:])
    assert (cover[:8].sum((1, 2, 3, 4)) > 0).all() and cover[8:].sum() == 0


def test_hard_places_are_drawn_more_often(tmp_path):
    scene = written(tmp_path / "scenes", nodule((44, 40, 46)))
    rows = [((44, 40, 46), NODULE), ((70, 20, 20), FALSE_ALARM), ((70, 60, 60), FALSE_ALARM)]
    store = ProposalStore([tmp_path / "scenes"], [mined(tmp_path / "mined", scene, *rows)], seed=0)
    for _ in range(6):
        store.learned(np.array([1, 2]), np.array([2.0, 0.0], np.float32))
    _, _, picked = store.batch(60)
    hard, easy = (int((picked == n).sum()) for n in (1, 2))
    assert hard > 2 * easy > 0


def test_scenes_that_were_not_mined_are_refused(tmp_path):
    written(tmp_path / "scenes", nodule())
    with pytest.raises(FileNotFoundError, match=r"mining\.py"):
        ProposalStore([tmp_path / "scenes"], [tmp_path / "mined"], seed=0)


def test_the_outline_is_said_in_training_only():
    network, cube = CandidateNetwork(), torch.full((2, 1, EDGE, EDGE, EDGE), -800.0)
    assert network.train()(cube)["cover"].shape == (2, 1, EDGE // 2, EDGE // 2, EDGE // 2)
    assert set(network.eval()(cube)) == {"nodule"}
