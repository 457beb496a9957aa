import shutil
from datetime import datetime

import numpy as np
import pytest

from firstread.dicom.discover import open_study
from firstread.dicom.geometry import Geometry
from firstread.dicom.seg import build_seg
from firstread.errors import NothingReadable, UsageError
from firstread.evaluation.reference_lungs import find_references, read_reference
from firstread.evaluation.segmentation import ball_inside, dice
from firstread.findings import Mask
from tests.small_chest import uid

GRID = Geometry.from_axes(
    shape=(20, 40, 40), origin_lps_mm=(0, 0, 0), slice_step_mm=(0, 0, 2.5), row_step_mm=(0, 1, 0),
    column_step_mm=(1, 0, 0),
)  # fmt: skip


def test_dice_is_twice_the_overlap_over_the_sum():
    one, other = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    one[0], other[0, 0] = True, True
    assert dice(one, other) == pytest.approx(2 * 2 / 6)
    assert dice(one, one) == 1.0
    assert dice(one, ~one) == 0.0
    assert dice(~one & one, ~one & one) is None


@pytest.mark.parametrize(("x", "centre", "share"), [(30.0, True, 1.0), (19.5, True, 0.5), (5.0, False, 0.0)])
def test_the_share_of_a_ball_inside_a_half_space(x: float, centre: bool, share: float):
    inside = np.zeros(GRID.shape, bool)
    inside[:, :, 20:] = True  # from x = 19.5 mm on
    told = ball_inside(inside, GRID, (x, 20.0, 25.0), 8.0)
    assert told[1] == pytest.approx(share, abs=0.04)
    assert told[0] is centre


def test_what_lies_beyond_the_scan_is_not_inside():
    assert ball_inside(np.ones(GRID.shape, bool), GRID, (20.0, 20.0, -30.0), 8.0) == (False, 0.0)


@pytest.fixture
def reference(small_study, result, tmp_path):
    """The small chest's lungs as the product writes them, with their true labels."""
    study = open_study(small_study)
    volume = study.volume(study.series[0])
    from firstread.findings import Algorithm, Structure, concepts

    truth = np.zeros(volume.geometry.shape, np.uint8)
    truth[20:60, 40:80, 25:50], truth[25:60, 40:80, 80:100] = 1, 2
    structures = tuple(
        Structure(
            name=f"{side} lung",
            site=concepts.LUNG,
            laterality=side,
            volume_mm3=1.0,
            algorithm=Algorithm(name="reader", version="1"),
            mask=Mask.crop(truth == label),
        )
        for side, label in (("right", 1), ("left", 2))
    )
    told = result.model_copy(
        update={
            "study_uid": study.study_uid,
            "series_uid": study.series[0].uid,
            "findings": (),
            "structures": structures,
            "frame_of_reference_uid": study.series[0].frame_of_reference_uid,
        }
    )
    seg = build_seg(told, volume, created=datetime(2026, 1, 1))
    seg.save_as(tmp_path / "lungs.dcm", enforce_file_format=True)
    return tmp_path / "lungs.dcm", volume.geometry, truth


def test_the_lungs_that_the_product_writes_are_read_back(reference):
    path, geometry, truth = reference
    assert find_references(path.parent) == {uid("series"): path}
    assert np.array_equal(read_reference(path, geometry), truth)


def test_a_reference_with_other_labels_than_codes_is_known_by_its_words(reference):
    import pydicom

    path, geometry, truth = reference
    seg = pydicom.dcmread(path)
    for item, label in zip(seg.SegmentSequence, ("Lung, right", "LEFT LUNG (corrected)"), strict=True):
        item.SegmentLabel = label
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning = "1", "99SITE", "Organ"
        del kind.SegmentedPropertyTypeModifierCodeSequence
    seg.save_as(path)
    assert np.array_equal(read_reference(path, geometry), truth)
    for item in seg.SegmentSequence:
        item.SegmentLabel = "liver"
    seg.save_as(path)
    with pytest.raises(NothingReadable, match="no segment that is a right or a left lung"):
        read_reference(path, geometry)


def test_a_folder_without_references_or_with_two_is_refused(reference, small_study, tmp_path):
    path, _, _ = reference
    with pytest.raises(UsageError, match="no DICOM Segmentation"):
        find_references(small_study)
    with pytest.raises(UsageError, match="not a folder"):
        find_references(tmp_path / "none")
    shutil.copy(path, tmp_path / "again.dcm")
    with pytest.raises(UsageError, match="both masks of the series"):
        find_references(tmp_path)
