import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.engine import Engine
from firstread.readers.lung_nodule.boxes import Boxes
from firstread.readers.lung_nodule.detectors import find_candidates
from firstread.readers.lung_nodule.lungs import Lungs
from firstread.readers.lung_nodule.retinanet import candidates_of, window_grid
from tests.readers.lung_nodule.density_detector import SPACING_MM, WINDOW, write_density_detector
from tests.readers.lung_nodule.synthetic import Sphere, lung_labels, scan

CENTRES = ((-9.0, 8.0, 4.0), (12.0, -10.0, -6.0))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return write_density_detector(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def chest():
    """Two nodules of 8 mm in lung, and where the lung is."""
    volume = scan([(Sphere(centre, (4, 4, 4)), 40.0) for centre in CENTRES], half_mm=30.0, noise_hu=5.0)
    labels = lung_labels(volume)
    return volume, Lungs(labels=labels, coarse=labels, grid=volume.geometry)


def test_the_candidates_lie_where_the_nodules_are_in_the_patient(package, chest):
    volume, lungs = chest
    told = []
    with Engine(precision="f32", threads=1) as engine:
        network = engine.network(package)
        assert len(engine.network(package).package.manifest.outputs) == 2
        found = find_candidates(
            volume, lungs, network, progress=lambda stage, share: told.append((stage, share))
        )
    assert (told[0], told[-1]) == (("detect", 0.0), ("detect", 1.0))
    assert len(told) > 2, "several windows were needed"
    for centre in CENTRES:
        away = [np.linalg.norm(np.subtract(one.center_lps_mm, centre)) for one in found]
        assert min(away) < 2.5, "within half a cell along each axis"
    # A box is an anchor: 12 × 12 voxels in the slice and 8 (7, halves rounded to the even) along z.
    edges = np.array([12 * 0.7, 12 * 0.7, 8 * 1.25])
    assert found[0].diameter_mm == pytest.approx(edges.prod() ** (1 / 3))
    assert [one.logit for one in found] == sorted((one.logit for one in found), reverse=True)


def test_centres_far_from_the_lungs_do_not_count(package, chest):
    volume, lungs = chest
    x = volume.geometry.to_lps(np.stack(np.indices(volume.geometry.shape), -1))[..., 0]
    one_side = np.where(x < -15, lungs.labels, 0).astype(np.uint8)
    with Engine(precision="f32", threads=1) as engine:
        found = find_candidates(volume, Lungs(one_side, one_side, lungs.grid), engine.network(package))
    assert found
    assert max(one.center_lps_mm[0] for one in found) < 0


def test_the_grid_is_the_lungs_and_never_less_than_a_window(package, chest):
    _, lungs = chest
    small = np.zeros_like(lungs.labels)
    small[20:22, 40:44, 40:44] = 1
    given = package.manifest.input
    whole = window_grid(lungs, given)
    little = window_grid(Lungs(small, small, lungs.grid), given)
    assert whole.spacing_mm == pytest.approx(SPACING_MM)
    # 24 mm of margin are more than a window along z; in the plane it is one window, not a voxel more.
    assert little.shape == (22, *WINDOW[1:])
    assert all(size > 60 / step for size, step in zip(whole.shape, SPACING_MM, strict=True))


def test_a_box_becomes_a_place_and_the_edge_of_a_cube_as_large():
    grid = Geometry.from_axes(
        shape=(10, 20, 30),
        origin_lps_mm=(-100, -50, 10),
        slice_step_mm=(0, 0, 2),
        row_step_mm=(0, 0.5, 0),
        column_step_mm=(0.5, 0, 0),
    )
    box = Boxes(np.array([[2.0, 4, 6]]), np.array([[4.0, 12, 14]]), np.array([0.3]))
    (found,) = candidates_of(box, grid)
    assert found.center_lps_mm == (-100 + 10 * 0.5, -50 + 8 * 0.5, 10 + 3 * 2)
    assert found.diameter_mm == pytest.approx(4.0)
    assert found.logit == 0.3
