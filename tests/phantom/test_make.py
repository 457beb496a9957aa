import numpy as np
import pytest

from firstread.errors import Cancelled, UsageError
from firstread.phantom import NoduleSpec, make_phantom
from tests.phantom.conftest import COARSE, SPECS

# Tests of one seed stand together: the last person drawn is kept, which saves seconds for each.


def label_box(phantom, index):
    """The voxels of one nodule with some surroundings, and its labels there."""
    at = np.argwhere(phantom.nodules == index + 1)
    box = tuple(slice(max(low - 5, 0), high + 6) for low, high in zip(at.min(0), at.max(0), strict=True))
    return phantom.hu[box].astype(float), phantom.nodules[box] == index + 1, at


def eroded(mask):
    kept = mask.copy()
    for axis in range(3):
        kept &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return kept


def test_noise_has_the_asked_strength(coarse_phantom):
    silent = make_phantom(seed=3, nodules=2, dose_noise_hu=0, **COARSE)
    assert silent.truth.nodules == coarse_phantom.truth.nodules, "noise moves nothing"
    assert np.array_equal(silent.lungs, coarse_phantom.lungs)
    noise = coarse_phantom.hu.astype(float) - silent.hu
    soft = (silent.hu > 20) & (silent.hu < 80)
    assert noise[soft].std() == pytest.approx(coarse_phantom.truth.noise_hu, rel=0.35)
    assert abs(noise[soft].mean()) < 1


def test_the_same_seed_and_place_give_a_follow_up_of_the_same_person(coarse_phantom):
    before = coarse_phantom.truth.nodules[0]
    grown = NoduleSpec(
        diameter_mm=before.diameter_mm.mean + 3,
        attenuation=before.attenuation,
        center_lps_mm=before.center_lps_mm,
    )
    after = make_phantom(seed=3, nodules=[grown], **COARSE)
    assert after.patient == coarse_phantom.patient
    assert np.array_equal(after.lungs, coarse_phantom.lungs)
    assert np.allclose(after.truth.nodules[0].center_lps_mm, before.center_lps_mm, atol=1.5)
    assert after.truth.nodules[0].volume_mm3 > before.volume_mm3


@pytest.fixture(scope="module")
def anatomy_once():
    """Nodules are placed before the slices are painted: stopping there makes a misfit quick to try."""

    def stop(stage, share):
        if stage == "slices":
            raise Cancelled("painted")

    return stop


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (NoduleSpec(diameter_mm=55, site="juxtapleural"), "does not fit"),
        (NoduleSpec(diameter_mm=6, center_lps_mm=(0.0, 500.0, 0.0)), "outside the lungs"),
    ],
)
def test_a_nodule_that_does_not_fit_is_refused(anatomy_once, spec, message):
    with pytest.raises(UsageError, match=message):
        make_phantom(seed=3, nodules=[spec], progress=anatomy_once, **COARSE | {"slices": 4})


def test_slices_run_from_feet_to_head_and_columns_from_right_to_left(quiet_phantom):
    step = np.diag(quiet_phantom.geometry.affine[:3, [2, 1, 0]])
    assert np.allclose(step, (0.8, 0.8, 1.5))
    right, left = (np.argwhere(quiet_phantom.lungs == label).mean(0)[2] for label in (1, 2))
    assert right < left
    # The spine is behind: bone in the back half of the middle column.
    middle = quiet_phantom.hu[:, :, 196:236]
    assert (middle[:, 216:] > 300).sum() > 3 * (middle[:, :216] > 300).sum()
    # The liver is below: no air on the right side in the lowest slices, much higher up.
    assert (quiet_phantom.lungs[0] == 1).sum() < (quiet_phantom.lungs[60] == 1).sum()


def test_lungs_hold_air_and_the_wall_does_not(quiet_phantom):
    inside = quiet_phantom.hu[quiet_phantom.lungs > 0]
    assert -900 < np.median(inside) < -820
    assert 0.80 < (inside < -700).mean() < 0.95, "parenchyma with vessels in it"
    assert (quiet_phantom.hu[0, 0] < -900).all(), "air around the body"
    assert quiet_phantom.hu.max() > 500, "bone"


def test_labels_of_lung_volume_agree_with_the_truth(quiet_phantom):
    voxel_ml = quiet_phantom.geometry.voxel_mm3 / 1000
    for label, volume in zip((1, 2), quiet_phantom.truth.lung_volume_ml, strict=True):
        assert (quiet_phantom.lungs == label).sum() * voxel_ml == pytest.approx(volume, abs=0.1)
        assert 400 < volume < 4000


@pytest.mark.parametrize("index", range(len(SPECS)))
def test_a_nodule_has_the_size_that_was_asked_for(quiet_phantom, index):
    nodule, spec = quiet_phantom.truth.nodules[index], SPECS[index]
    size = nodule.diameter_mm
    assert size.mean == pytest.approx(spec.diameter_mm, rel=0.03)
    assert size.short <= size.long
    assert size.mean == pytest.approx((size.long + size.short) / 2, abs=0.01)
    assert (nodule.solid_part_mm is not None) == (spec.attenuation == "part-solid")
    if nodule.solid_part_mm:
        assert nodule.solid_part_mm.mean == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("index", range(len(SPECS)))
def test_the_truth_lies_where_the_voxels_are(quiet_phantom, index):
    nodule = quiet_phantom.truth.nodules[index]
    _, _, at = label_box(quiet_phantom, index)
    assert np.allclose(quiet_phantom.geometry.to_lps(at.mean(0)), nodule.center_lps_mm, atol=0.6)
    assert len(at) * quiet_phantom.geometry.voxel_mm3 == pytest.approx(nodule.volume_mm3, rel=0.12)
    side = {1: "right", 2: "left"}[int(quiet_phantom.lungs[tuple(np.rint(at.mean(0)).astype(int))])]
    assert nodule.laterality == side
    assert nodule.lobe.startswith(side)


@pytest.mark.parametrize("index", range(len(SPECS)))
def test_a_nodule_is_filled_with_what_the_truth_says(quiet_phantom, index):
    nodule = quiet_phantom.truth.nodules[index]
    hu, label, _ = label_box(quiet_phantom, index)
    inner = eroded(label)
    if nodule.solid_part_hu is not None:
        # The dense core of a part-solid nodule is a small share of it; the halo is what is not dense.
        assert np.quantile(hu[inner], 0.98) == pytest.approx(nodule.solid_part_hu, abs=25)
        inner &= hu < -350
    assert np.median(hu[inner]) == pytest.approx(nodule.hu, abs=40)
    expected = {
        "solid": (0, 80),
        "ground-glass": (-700, -430),
        "part-solid": (-700, -430),
        "fat": (-110, -50),
    }
    low, high = expected.get(nodule.attenuation, (200, 700))
    assert low <= nodule.hu <= high


@pytest.mark.parametrize("index", [0, 4])
def test_the_voxels_of_a_lone_nodule_add_up_to_its_volume(quiet_phantom, index):
    nodule = quiet_phantom.truth.nodules[index]
    hu, label, _ = label_box(quiet_phantom, index)
    near = label.copy()
    for axis in range(3):
        near |= np.roll(near, 1, axis) | np.roll(near, -1, axis)
    background = np.median(hu[~near])
    filled = ((hu[near] - background) / (nodule.hu - background)).sum() * quiet_phantom.geometry.voxel_mm3
    assert filled == pytest.approx(nodule.volume_mm3, rel=0.15)


def test_only_the_juxtapleural_nodule_touches_the_pleura(quiet_phantom):
    touching = [nodule.juxtapleural for nodule in quiet_phantom.truth.nodules]
    assert touching == [spec.site == "juxtapleural" for spec in SPECS]
    assert quiet_phantom.truth.nodules[1].laterality == "left"


def test_nodules_stay_apart(quiet_phantom):
    nodules = quiet_phantom.truth.nodules
    for i, one in enumerate(nodules):
        for other in nodules[:i]:
            apart = np.linalg.norm(np.subtract(one.center_lps_mm, other.center_lps_mm))
            assert apart > (one.diameter_mm.long + other.diameter_mm.long) / 2


def test_wanted_side_and_zone_are_kept(quiet_phantom):
    assert quiet_phantom.truth.nodules[2].laterality == "right"
    assert quiet_phantom.truth.nodules[5].zone == "middle"


def test_a_vessel_touches_the_perivascular_nodule(quiet_phantom):
    hu, label, _ = label_box(quiet_phantom, 6)
    shell = ~label
    for axis in range(3):
        shell &= ~(np.roll(label, 1, axis) | np.roll(label, -1, axis))
    ring = shell & (hu > -500)
    assert ring.sum() > 5


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"seed": -1}, "seed"),
        ({"slices": 0}, "slices"),
        ({"matrix": 33}, "matrix"),
        ({"matrix": 100_000}, "matrix"),
        ({"spacing_mm": (0.0, 0.7, 0.7)}, "spacing"),
        ({"spacing_mm": (1.0, float("nan"), 0.7)}, "spacing"),
        ({"thickness_mm": 100.0}, "thickness"),
        ({"kernel": "B31f"}, "kernel"),
        ({"dose_noise_hu": -5.0}, "noise"),
        ({"nodules": 1000}, "nodules"),
        ({"nodules": -1}, "nodules"),
    ],
)
def test_an_impossible_argument_is_refused_by_name(arguments, word):
    with pytest.raises(UsageError, match=word):
        make_phantom(**arguments)


def test_another_seed_is_another_person(coarse_phantom):
    other = make_phantom(seed=4, nodules=0, **COARSE)
    assert other.patient != coarse_phantom.patient
    both = (other.lungs > 0).sum() + (coarse_phantom.lungs > 0).sum()
    overlap = 2 * ((other.lungs > 0) & (coarse_phantom.lungs > 0)).sum() / both
    assert overlap < 0.97
    assert other.truth.nodules == ()
    assert not other.nodules.any()
