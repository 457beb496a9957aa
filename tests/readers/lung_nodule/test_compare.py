from datetime import date

import numpy as np
import pytest

from firstread.errors import RefusedInput
from firstread.findings import (
    Acquisition,
    Algorithm,
    Category,
    Comparison,
    Diameters,
    Finding,
    ModelUse,
    ReaderIdentity,
    ReadResult,
    Structure,
)
from firstread.findings.concepts import LUNG, NODULE
from firstread.readers.lung_nodule.compare import compare
from firstread.readers.lung_nodule.register import boxes_of
from tests.readers.lung_nodule.lungs import NODULES, affine, cut, lungs, to_current

BREATH = affine(scale=(1.03, 1.06, 1.12), degrees=5, shift=(12, -8, 40))
THEN, NOW = date(2024, 1, 1), date(2024, 7, 1)
MODEL = ModelUse(name="detector", version="1", digest="a" * 64, precision="f32")


@pytest.fixture(scope="module")
def prior_lungs():
    return lungs(np.eye(4))


@pytest.fixture(scope="module")
def current_lungs():
    return lungs(BREATH)


def finding(number, place, mm=8.0, *, uid=None, attenuation="solid", **facts):
    return Finding(
        id=f"N{number}",
        concept=NODULE,
        probability=0.9,
        site=LUNG,
        center_lps_mm=tuple(map(float, place)),
        size_mm=(mm, mm, mm),
        diameter_mm=Diameters(long=mm, short=mm, mean=mm),
        volume_mm3=round(np.pi / 6 * mm**3, 1),
        attenuation=attenuation,
        sop_instance_uid="1.2.3",
        tracking_uid=uid or f"2.25.{number}",
        **facts,
    )


def structures(masks):
    return [
        Structure(
            name=f"{side} lung",
            site=LUNG,
            laterality=side,
            volume_mm3=2e6,
            center_lps_mm=center,
            size_mm=size,
            algorithm=Algorithm(name="lungs", version="1"),
        )
        for side, (center, size) in boxes_of((), masks).items()
    ]


def result(findings, masks, *, study_date=THEN, uid="1.2.840.1"):
    return ReadResult(
        study_uid=uid,
        series_uid=f"{uid}.1",
        reader=ReaderIdentity(name="lung_nodule", version="1"),
        models=(MODEL,),
        acquisition=Acquisition(modality="CT", slices=100, spacing_mm=(1, 1, 1), study_date=study_date),
        findings=tuple(findings),
        structures=tuple(structures(masks)) if masks is not None else (),
    )


def then(number, **facts):
    return finding(number, NODULES[number], uid=f"2.25.10{number}", **facts)


def now(number, mm=8.0, **facts):
    return finding(number, to_current(NODULES[number], BREATH), mm, **facts)


def run(findings, prior, current_lungs, prior_lungs=None, **how):
    how = {"study_date": NOW, "lungs": current_lungs if prior_lungs is not None else None} | how
    return compare(findings, structures(current_lungs), prior=prior, prior_lungs=prior_lungs, **how)


def test_nodules_are_matched_through_shift_turn_and_breath(current_lungs, prior_lungs):
    prior = result([then(n) for n in range(6)], prior_lungs)
    done = run([now(n) for n in (3, 1, 5, 0, 2, 4)], prior, current_lungs, prior_lungs)
    assert [f.tracking_uid for f in done.findings] == [f"2.25.10{n}" for n in (3, 1, 5, 0, 2, 4)]
    assert all(f.comparison.distance_mm < 3 for f in done.findings)
    assert {f.comparison.change for f in done.findings} == {"stable"}
    assert done.prior.resolved == ()
    assert done.warnings == ()


def test_the_boxes_in_the_result_are_enough_for_nodules_that_lie_apart(current_lungs, prior_lungs):
    prior = result([then(n) for n in range(6)], prior_lungs)
    done = run([now(n) for n in range(6)], prior, current_lungs)
    assert done.registration.method == "boxes"
    assert [f.tracking_uid for f in done.findings] == [f"2.25.10{n}" for n in range(6)]


def test_near_neighbours_keep_their_identity(current_lungs, prior_lungs):
    places = NODULES[0] + np.array([(0, 0, 0), (9, 0, 0), (0, 9, 0)])
    prior = result([finding(n, p, uid=f"2.25.10{n}") for n, p in enumerate(places)], prior_lungs)
    seen = [finding(n, to_current(places[n] + (3, 3, 0), BREATH)) for n in (2, 0, 1)]
    done = run(seen, prior, current_lungs, prior_lungs)
    assert [f.tracking_uid for f in done.findings] == ["2.25.102", "2.25.100", "2.25.101"]


def test_growth_and_doubling_time(current_lungs, prior_lungs):
    earlier = then(
        0,
        mm=8.0,
        solid_part_mm=Diameters(long=3, short=3, mean=3),
        categories=(
            Category(scheme="C-Lung-RADS", version="2024", value="2", rule=""),
            Category(scheme="Lung-RADS", version="v2022", value="4A", rule=""),
        ),
    )
    done = run([now(0, mm=10.0)], result([earlier], prior_lungs), current_lungs, prior_lungs)
    seen = done.findings[0].comparison
    assert (seen.change, seen.growth_mm, seen.interval_days) == ("growing", 2.0, 182)
    # 182 days × ln 2 / (3 × ln 1.25) = 126.153 / 0.669431
    assert seen.volume_doubling_days == pytest.approx(188.4, abs=0.2)
    assert (seen.prior_mean_mm, seen.prior_solid_part_mm, seen.prior_category) == (8.0, 3.0, "4A")
    assert (seen.prior_study_uid, seen.prior_tracking_uid) == ("1.2.840.1", "2.25.100")
    assert (seen.prior_date, seen.prior_attenuation) == (THEN, "solid")
    assert (seen.first_mean_mm, seen.first_date) == (8.0, THEN)


def test_what_is_new_keeps_its_uid_and_what_is_gone_is_named(current_lungs, prior_lungs):
    prior = result([then(0), then(3)], prior_lungs)
    done = run([now(0), now(4)], prior, current_lungs, prior_lungs)
    new = done.findings[1]
    assert (new.comparison.change, new.comparison.prior_tracking_uid) == ("new", None)
    assert new.tracking_uid == "2.25.4"
    assert done.prior.resolved == ("2.25.103",)
    assert (done.prior.study_uid, done.prior.study_date) == ("1.2.840.1", THEN)


def test_nothing_is_claimed_of_lung_that_one_study_does_not_show(current_lungs, prior_lungs):
    # Each scan in turn stops above the lowest nodule.
    low = int(np.argmin(NODULES[:, 2]))
    other = result([then(0), then(low)], prior_lungs)
    slices = current_lungs.geometry.to_index(to_current(NODULES[low], BREATH))[0]
    upper = cut(current_lungs, first=int(slices) + 6, last=current_lungs.geometry.shape[0])
    done = run([now(0)], other, upper, prior_lungs)
    assert done.prior.resolved == ()
    assert "not called resolved" in done.warnings[0]

    slices = prior_lungs.geometry.to_index(NODULES[low])[0]
    upper = cut(prior_lungs, first=int(slices) + 6, last=prior_lungs.geometry.shape[0])
    done = run([now(0), now(low)], result([then(0)], upper), current_lungs, upper)
    assert done.findings[0].comparison.change == "stable"
    assert done.findings[1].comparison is None
    assert f"N{low}: not called new" in done.warnings[0]


def test_the_first_measurement_is_handed_on_from_read_to_read(current_lungs, prior_lungs):
    before = Comparison(
        change="stable",
        prior_study_uid="1.2.840.0",
        first_mean_mm=6.4,
        first_date=date(2022, 1, 1),
    )
    prior = result([then(0, mm=7.2, comparison=before)], prior_lungs)
    seen = run([now(0, mm=8.0)], prior, current_lungs, prior_lungs).findings[0].comparison
    assert (seen.first_mean_mm, seen.first_date) == (6.4, date(2022, 1, 1))
    assert (seen.growth_mm, seen.change) == (0.8, "slowly growing")


def test_without_dates_there_is_no_interval_and_a_warning(current_lungs, prior_lungs):
    prior = result([then(0)], prior_lungs, study_date=None)
    done = run([now(0, mm=10.0)], prior, current_lungs, prior_lungs)
    seen = done.findings[0].comparison
    assert (seen.interval_days, seen.volume_doubling_days, seen.change) == (None, None, "growing")
    assert "date" in done.warnings[0]


def test_a_prior_read_by_other_models_is_told(current_lungs, prior_lungs):
    prior = result([then(0)], prior_lungs)
    other = MODEL.model_copy(update={"digest": "b" * 64})
    assert run([now(0)], prior, current_lungs, prior_lungs, models=[MODEL]).warnings == ()
    assert "other models" in run([now(0)], prior, current_lungs, prior_lungs, models=[other]).warnings[0]


def test_a_study_is_not_compared_with_itself_or_with_a_later_one(current_lungs, prior_lungs):
    prior = result([then(0)], prior_lungs)
    for how, words in (
        ({"study_uid": "1.2.840.1"}, "this very study"),
        ({"study_date": date(2023, 12, 31)}, "later"),
    ):
        done = run([now(0)], prior, current_lungs, prior_lungs, **how)
        assert done.prior is None
        assert done.findings[0].comparison is None
        assert words in done.warnings[0]


def test_lungs_that_do_not_fit_are_told_and_nothing_is_claimed(prior_lungs):
    other = lungs(affine(scale=(1.6, 1.6, 1.6)))
    prior = result([then(0)], prior_lungs)
    done = run([finding(9, (0, 0, 0))], prior, other, prior_lungs)
    assert "another patient" in done.warnings[0]
    assert done.findings[0].comparison is None
    assert done.prior.resolved == ()


def test_a_prior_without_lungs_is_matched_in_scanner_coordinates(prior_lungs):
    prior = result([then(0), then(1)], None)
    done = compare([then(0)], (), study_date=NOW, prior=prior)
    assert done.findings[0].comparison.change == "stable"
    assert done.prior.resolved == ()
    assert "scanner coordinates" in done.warnings[0]


@pytest.mark.parametrize("x", [float("nan"), float("inf"), 1e300])
def test_a_prior_lesion_in_no_possible_place_is_refused(current_lungs, prior_lungs, x):
    prior = result([finding(7, (x, 0, 0))], prior_lungs)
    with pytest.raises(RefusedInput, match="N7"):
        run([now(0)], prior, current_lungs, prior_lungs)


def test_a_read_without_findings_is_compared_too(current_lungs, prior_lungs):
    done = run([], result([then(0)], prior_lungs), current_lungs, prior_lungs)
    assert done.findings == ()
    assert done.prior.resolved == ("2.25.100",)


def test_a_compared_result_survives_the_way_through_json(current_lungs, prior_lungs):
    done = run([now(0)], result([then(0)], prior_lungs), current_lungs, prior_lungs)
    whole = result(done.findings, current_lungs).model_copy(update={"prior": done.prior})
    assert ReadResult.model_validate_json(whole.model_dump_json()) == whole
