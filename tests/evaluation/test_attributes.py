import numpy as np
import pytest

from firstread.evaluation.attributes import attributes_report, auc, kappa, rank_correlation
from firstread.findings import Attribute, Measurement
from firstread.findings.concepts import ABSENT, CALCIFICATION, MALIGNANCY_SCORE, PRESENT
from tests.evaluation.samples import finding, marked, read_of


def rated(*textures, **more):
    return marked(*({"ratings": {"texture": t, **more}} for t in textures))


def classes(report, attribute, by="firstread"):
    (found,) = (r for r in report.classes if (r.attribute, r.by) == (attribute, by))
    return found


def test_attenuation_is_compared_with_the_median_texture():
    report = attributes_report(
        read_of(
            (rated(5, 5, 4, 1), finding(attenuation="solid")),
            (rated(1, 2, 2), finding(attenuation="part-solid")),
            (rated(3, 3), finding(attenuation="part-solid")),
            (rated(5), finding(attenuation="calcified")),
            (rated(5), None),
        ),
        least_readers=1,
    )
    told = classes(report, "attenuation")
    assert told.classes == ("ground-glass", "part-solid", "solid")
    assert told.confusion == ((0, 1, 0), (0, 1, 0), (0, 0, 2))
    assert (told.agreement.value, told.agreement.n) == (0.75, 4)
    assert told.kappa.value == pytest.approx((0.75 - (1 * 0 + 1 * 2 + 2 * 2) / 16) / (1 - 6 / 16))
    assert report.found.value == 0.8


def test_each_reader_is_compared_with_the_median_of_the_others():
    report = attributes_report(read_of((rated(5, 5, 1), finding())), least_readers=1)
    told = classes(report, "attenuation", by="reader")
    # 5 against 3 (of 5 and 1), twice; 1 against 5.
    assert told.confusion == ((0, 0, 0), (0, 0, 2), (1, 0, 0))


def test_an_attribute_is_compared_by_its_concept_and_left_out_where_it_is_not_stated():
    def said(value):
        return finding(attributes=[Attribute(concept=CALCIFICATION, value=value)])

    silent = attributes_report(read_of((rated(5, calcification=6), finding())), least_readers=1)
    assert "calcification" not in {r.attribute for r in silent.classes}
    report = attributes_report(
        read_of(
            (rated(5, calcification=6), said(ABSENT)),
            (rated(5, calcification=6), said(PRESENT)),
            (rated(5, calcification=3), said(PRESENT)),
        ),
        least_readers=1,
    )
    assert classes(report, "calcification").confusion == ((1, 1), (0, 1))


def test_a_score_is_compared_by_rank_and_by_what_readers_decided():
    def scored(value):
        return finding(measurements=[Measurement(concept=MALIGNANCY_SCORE, value=value, unit="{score}")])

    report = attributes_report(
        read_of(
            *(
                (rated(5, malignancy=m), scored(v))
                for m, v in ((1, 0.1), (2, 0.3), (3, 0.9), (4, 0.2), (5, 0.8))
            )
        ),
        least_readers=1,
    )
    (told,) = report.scores
    assert told.attribute == "malignancy score"
    assert told.rank_correlation.value == pytest.approx(0.5)
    assert told.auc.value == 0.75


def test_kappa_of_a_published_table():
    # Cohen 1960, the 2 × 2 example in use since: 20 and 15 agreed, 5 and 10 not: 0.4.
    one = np.array([1] * 25 + [0] * 25)
    other = np.array([1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)
    assert kappa(one, other) == pytest.approx(0.4)
    assert np.isnan(kappa(np.ones(3, int), np.ones(3, int)))


def test_ranks_need_variation_and_auc_needs_both_sides():
    assert np.isnan(rank_correlation(np.array([1.0, 1, 1]), np.array([1.0, 2, 3])))
    assert np.isnan(auc(np.array([0.5]), np.array([5.0])))
    assert auc(np.array([0.5, 0.5]), np.array([5.0, 1.0])) == 0.5
