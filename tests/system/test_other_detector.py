"""Another's detector in the place of firstread's, through the whole product."""

import pytest

from firstread.workflow.read_study import read_study
from tests.readers.lung_nodule.density_detector import write_density_detector
from tests.system.conftest import ReadPhantom

pytestmark = pytest.mark.timeout(600)


def test_a_detector_on_the_search_path_takes_the_place_of_the_shipped_one_and_the_result_says_so(
    read_phantom: ReadPhantom, tmp_path, monkeypatch
):
    package = write_density_detector(tmp_path / "models")
    monkeypatch.setenv("FIRSTREAD_MODELS", str(tmp_path / "models"))
    result = read_study(read_phantom.series, tmp_path / "out", reader="lung_nodule")
    assert [model.name for model in result.models] == ["lung_nodule_lungs", "lung_nodule_detector"]
    assert result.models[1].digest == package.digest != read_phantom.result.models[1].digest
    assert result.findings
    for finding in result.findings:
        assert [one.digest for one in finding.algorithms] == [package.digest]
    assert len(read_phantom.result.findings[0].algorithms) == 2
