"""A phantom through the whole product: what is found, what is written, and that it is the same every time."""

import itertools
import json
import random
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread

from firstread.dicom.discover import open_study
from firstread.findings import NOTICE, ReadResult
from firstread.phantom import NoduleSpec, make_phantom
from firstread.phantom.series import write_series
from firstread.workflow.read_study import read_study
from tests.dicom.validators import dciodvfy_errors, validator_errors
from tests.system.conftest import NODULES, ReadPhantom

pytestmark = pytest.mark.timeout(600)


def same_findings(one: ReadResult, other: ReadResult) -> None:
    """Compare everything that a read says of the patient."""
    assert one.model_dump(include={"findings", "structures", "categories", "impression"}) == other.model_dump(
        include={"findings", "structures", "categories", "impression"}
    )
    for a, b in zip(one.findings, other.findings, strict=True):
        assert a.mask is not None and b.mask is not None
        assert np.array_equal(a.mask.voxels, b.mask.voxels)


@pytest.mark.parametrize("index", range(len(NODULES)), ids=[str(spec) for spec in NODULES])
def test_every_nodule_of_6_mm_and_more_is_found(read_phantom: ReadPhantom, index: int):
    truth = read_phantom.phantom.truth.nodules[index]
    away = [
        np.linalg.norm(np.subtract(f.center_lps_mm, truth.center_lps_mm))
        for f in read_phantom.result.findings
    ]
    assert away, "nothing was found at all"
    assert min(away) <= truth.diameter_mm.mean / 2
    found = read_phantom.result.findings[int(np.argmin(away))]
    assert found.laterality == truth.laterality
    assert found.diameter_mm is not None
    assert found.diameter_mm.mean == pytest.approx(truth.diameter_mm.mean, rel=0.3)


def test_the_result_folder_is_whole(read_phantom: ReadPhantom):
    names = {path.name for path in read_phantom.out.iterdir()}
    expected = {"result.json", "report.html", "report.pdf", "report.dcm", "report.fhir.json"}
    expected |= {"sr.dcm", "seg.dcm"}
    expected |= {f"key-{f.id}.{kind}" for f in read_phantom.result.findings for kind in ("png", "dcm")}
    assert names == expected
    stored = json.loads((read_phantom.out / "result.json").read_text())
    assert stored["notice"] == NOTICE
    assert stored["timings_s"]["total"] > 0
    assert stored == read_phantom.result.model_dump(mode="json")


def test_the_segmentation_lies_where_the_result_says(read_phantom: ReadPhantom):
    seg = highdicom.seg.segread(read_phantom.out / "seg.dcm")
    for finding in read_phantom.result.findings:
        numbers = seg.get_segment_numbers(tracking_uid=finding.tracking_uid)
        volume = seg.get_volume(segment_numbers=numbers, combine_segments=True, relabel=True)
        hit = np.argwhere(volume.array > 0)
        centre = volume.map_indices_to_reference(hit).mean(0)
        assert np.abs(centre - finding.center_lps_mm).max() < 1.0


def test_judges_that_are_not_ours_find_no_error(read_phantom: ReadPhantom, debian_tool):
    dciodvfy = debian_tool("dciodvfy")
    for path in sorted(read_phantom.out.glob("*.dcm")):
        assert dciodvfy_errors(path, dciodvfy) == [], path.name
        assert validator_errors(path) == [], path.name


def test_dsrdump_prints_the_measurements(read_phantom: ReadPhantom, debian_tool):
    told = subprocess.run(
        [debian_tool("dsrdump"), str(read_phantom.out / "sr.dcm")], capture_output=True, text=True, timeout=60
    ).stdout
    for finding in read_phantom.result.findings:
        assert finding.diameter_mm is not None
        assert finding.tracking_uid in told
        assert any(
            f'"{shown}"' in told for shown in (finding.diameter_mm.long, f"{finding.diameter_mm.long:g}")
        )


def test_objects_belong_to_the_study_and_say_what_they_are(read_phantom: ReadPhantom):
    for path in read_phantom.out.glob("*.dcm"):
        written = dcmread(path, stop_before_pixels=True)
        assert written.StudyInstanceUID == read_phantom.result.study_uid
        assert written.SeriesInstanceUID != read_phantom.result.series_uid
        assert NOTICE.lower() in written.SeriesDescription.lower()


def test_the_same_read_twice_gives_the_same_findings(read_phantom: ReadPhantom, tmp_path: Path):
    same_findings(
        read_study(read_phantom.series, tmp_path / "again", reader="lung_nodule"), read_phantom.result
    )


def test_a_shuffled_renamed_and_re_encoded_copy_gives_the_same_findings(
    read_phantom: ReadPhantom, tmp_path: Path, debian_tool
):
    """Slices of one series in four transfer syntaxes, in random order, under meaningless names, nested."""
    encoders = [
        [debian_tool("gdcmconv"), "--j2k"],
        [debian_tool("gdcmconv"), "--rle"],
        [debian_tool("dcmcjpeg"), "+e1"],
        [debian_tool("dcmconv"), "+ti"],
    ]
    slices = sorted(read_phantom.series.rglob("*.dcm"))
    random.Random(3).shuffle(slices)
    copy = tmp_path / "copy"
    for number, (source, encoder) in enumerate(zip(slices, itertools.cycle(encoders), strict=False)):
        target = copy / f"{number % 3}" / f"{number:x}"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*encoder, str(source), str(target)], check=True, capture_output=True, timeout=60)
    (copy / "notes.txt").write_text("not an image")
    syntaxes = {i.transfer_syntax_uid for s in open_study(copy).series for i in s.instances}
    assert len(syntaxes) == len(encoders)
    same_findings(read_study(copy, tmp_path / "out", reader="lung_nodule"), read_phantom.result)


def test_a_follow_up_is_matched_and_its_growth_reported(read_phantom: ReadPhantom, tmp_path: Path):
    """The same person half a year later: one nodule grew from 9 to 13 mm, the others stayed."""
    then = read_phantom.phantom.truth.nodules
    now = [
        NoduleSpec(
            diameter_mm=13 if spec.diameter_mm == 9 else spec.diameter_mm,
            attenuation=spec.attenuation, solid_part_mm=spec.solid_part_mm,
            center_lps_mm=truth.center_lps_mm,
        )
        for spec, truth in zip(NODULES, then, strict=True)
    ]  # fmt: skip
    later = make_phantom(seed=21, spacing_mm=(2.0, 0.8, 0.8), nodules=now)
    write_series(later, tmp_path / "later", study_date=date(2024, 9, 1))
    result = read_study(tmp_path / "later", tmp_path / "out", prior=read_phantom.out, reader="lung_nodule")
    assert result.prior is not None
    by_place = {
        f.id: min(np.linalg.norm(np.subtract(f.center_lps_mm, t.center_lps_mm)) for t in then[1:2])
        for f in result.findings
    }
    grown = next(f for f in result.findings if f.id == min(by_place, key=lambda i: by_place[i]))
    assert grown.comparison is not None
    assert grown.comparison.change == "growing"
    assert grown.comparison.interval_days == 184
    assert grown.comparison.volume_doubling_days is not None
    assert 60 < grown.comparison.volume_doubling_days < 300
    assert grown.tracking_uid in {f.tracking_uid for f in read_phantom.result.findings}


def test_a_read_needs_no_pytorch(read_phantom: ReadPhantom, tmp_path: Path):
    program = (
        "import sys\n"
        "from firstread.workflow.read_study import read_study\n"
        f"read_study({str(read_phantom.series)!r}, {str(tmp_path / 'out')!r})\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
        "assert 'nncf' not in sys.modules, 'nncf was imported'\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr


def test_a_phantom_of_the_abdomen_is_refused(read_phantom: ReadPhantom, tmp_path: Path):
    """Slices below the lungs: the headers say chest, the pixels do not."""
    slices = sorted(
        read_phantom.series.rglob("*.dcm"), key=lambda p: float(dcmread(p).ImagePositionPatient[2])
    )
    for path in slices[:14]:
        shutil.copy(path, tmp_path)
    from firstread.errors import RefusedInput

    with pytest.raises(RefusedInput, match="lung"):
        read_study(tmp_path, tmp_path / "out", reader="lung_nodule")
    assert not (tmp_path / "out").exists()
