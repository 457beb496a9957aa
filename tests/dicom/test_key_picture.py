import numpy as np
import pytest

from firstread.dicom.key_picture import draw_key_picture, shown_source, words
from tests.dicom.read_samples import SERIES, result_of, volume_of


@pytest.fixture(scope="module")
def volume():
    return volume_of()


@pytest.fixture(scope="module")
def finding(volume):
    return result_of(volume).findings[1]


def coloured(picture, colour, box):
    part = np.asarray(picture.crop(box))
    return (part == colour).all(axis=-1).sum()


ENLARGED = (624, 40, 1024, 440)
SLICE = (0, 40, 620, 660)
CORONAL = (624, 444, 1024, 736)
ORANGE, BLUE, GREEN, AMBER = (255, 120, 40), (90, 220, 255), (150, 255, 150), (255, 176, 0)


def test_the_notice_is_burned_in(volume, finding):
    assert coloured(draw_key_picture(finding, volume), AMBER, (0, 0, 1024, 40)) > 200


def test_outline_and_axes_are_drawn_in_the_enlarged_part(volume, finding):
    picture = draw_key_picture(finding, volume)

    assert coloured(picture, ORANGE, ENLARGED) > 100
    assert coloured(picture, BLUE, ENLARGED) > 50
    assert coloured(picture, GREEN, ENLARGED) > 50


def test_the_lesion_is_ringed_on_slice_and_coronal_view(volume, finding):
    picture = draw_key_picture(finding, volume)

    assert coloured(picture, ORANGE, SLICE) > 100
    assert coloured(picture, ORANGE, CORONAL) > 100


def test_the_ring_is_where_the_lesion_is(volume, finding):
    part = np.asarray(draw_key_picture(finding, volume).crop(SLICE))
    rows, columns = np.nonzero((part == ORANGE).all(axis=-1))
    _, row, column = volume.geometry.to_index(finding.center_lps_mm)
    scale = 620 / volume.geometry.shape[1]
    left = (620 - volume.geometry.shape[2] * scale) / 2

    assert (rows.max() + rows.min()) / 2 == pytest.approx((row + 0.5) * scale, abs=2)
    assert (columns.max() + columns.min()) / 2 == pytest.approx(left + (column + 0.5) * scale, abs=2)


def test_a_lesion_without_mask_and_axes_is_ringed_in_the_enlarged_part(volume, finding):
    bare = finding.model_copy(update={"mask": None, "axes_lps_mm": None})
    picture = draw_key_picture(bare, volume)

    assert coloured(picture, ORANGE, ENLARGED) > 100
    assert coloured(picture, BLUE, ENLARGED) == 0


def test_a_lesion_at_the_edge_of_the_image_is_drawn_on_air(volume, finding):
    corner = volume.geometry.to_lps((0, 0, 0))
    edge = finding.model_copy(
        update={"mask": None, "axes_lps_mm": None, "center_lps_mm": tuple(corner.tolist())}
    )

    assert draw_key_picture(edge, volume).size == (1024, 736)


def test_the_slice_shown_is_the_findings_instance(volume, finding):
    assert shown_source(finding, volume).sop_instance_uid == f"{SERIES}.13"


def test_a_finding_of_an_unknown_instance_is_shown_at_its_centre(volume, finding):
    lost = finding.model_copy(update={"sop_instance_uid": "1.2.3"})

    assert shown_source(lost, volume).index == 12


def test_the_words_name_the_lesion_its_size_and_its_place(volume, finding):
    what, size, where = words(finding, volume, shown_source(finding, volume))

    assert what == "N2  part-solid mass, left lung, middle zone"
    mm3 = round(finding.volume_mm3)
    assert size == f"20.4 x 18.9 mm, mean 19.6 mm   solid part 8.5 mm   {mm3} mm3   Lung-RADS 4B   growing"
    assert where.startswith("image 13 of 40 from below, z -102.0 mm")
