"""Calcification, spiculation, lobulation and research scores in the structured report."""

import highdicom as hd
import pytest

from firstread.dicom.sr import build_sr
from firstread.findings import Attribute, Measurement, concepts
from tests.dicom.read_samples import CREATED, result_of, volume_of
from tests.dicom.validators import dciodvfy_errors, validator_errors, written


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    volume = volume_of()
    result = result_of(volume)
    described = result.findings[0].model_copy(
        update={
            "attributes": (
                Attribute(concept=concepts.CALCIFICATION, value=concepts.ABSENT),
                Attribute(concept=concepts.SPICULATION, value=concepts.PRESENT),
                Attribute(concept=concepts.LOBULATION, value=concepts.ABSENT),
            ),
            "measurements": (
                Measurement(concept=concepts.SPICULATION_SCORE, value=3.6, unit="{score}"),
                Measurement(concept=concepts.MALIGNANCY_SCORE, value=0.71, unit="{score}"),
            ),
        }
    )
    one = result.model_copy(update={"findings": (described, *result.findings[1:])})
    return written(build_sr(one, volume, seg=None, created=CREATED), tmp_path_factory.mktemp("sr"))


@pytest.fixture(scope="module")
def group(path):
    content = hd.sr.srread(path).content
    return next(
        g
        for g in content.get_volumetric_roi_measurement_groups()
        if any(one.name.value == concepts.SPICULATION.value for one in g.get_qualitative_evaluations())
    )


def test_properties_are_coded_present_or_absent(group):
    told = {(o.name.scheme_designator, o.name.value): o.value for o in group.get_qualitative_evaluations()}
    assert told["NCIt", "C3672"].value == concepts.ABSENT.value
    assert told["NCIt", "C28749"].value == concepts.PRESENT.value
    assert told["NCIt", "C62175"].value == concepts.ABSENT.value


def test_scores_say_that_they_are_research_scores(group):
    scores = {one.name.value: one for one in group.get_measurements() if one.unit.value == "{score}"}
    assert scores["spiculation"].value == 3.6
    assert scores["malignancy"].value == 0.71
    assert all("research score" in one.name.meaning for one in scores.values())


def test_every_coding_scheme_used_is_identified(path):
    dataset = hd.sr.srread(path)
    named = {item.CodingSchemeDesignator for item in dataset.CodingSchemeIdentificationSequence}
    assert {"NCIt", "99FIRSTREAD", "SCT"} <= named


def test_validators_accept_it(path):
    assert validator_errors(path) == []


def test_dciodvfy_accepts_it(path, debian_tool):
    assert dciodvfy_errors(path, debian_tool("dciodvfy")) == []
