import json

import pytest

from tests.dicom.ct_series import anatomy, ct_series, write


@pytest.fixture
def project(firstread, tmp_path, monkeypatch):
    """A folder of three slices, and the project `lungs`."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    (tmp_path / "key").write_text(firstread("projects", "new-key").out)
    monkeypatch.setenv("FIRSTREAD_CROSSWALK_KEY_FILE", str(tmp_path / "key"))
    assert firstread("projects", "add", "lungs", "--options", "clean-descriptors").code == 0
    return write(tmp_path / "in", ct_series(anatomy(3, 16)))


def test_a_folder_is_de_identified_and_told(firstread, project, tmp_path):
    done = firstread("deidentify", project, "--project", "lungs", "--out", "out", "--report", "report.txt")
    assert done.code == 0
    assert "3 instances of 1 patients and 1 studies de-identified and verified" in done.out
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 3
    report = (tmp_path / "report.txt").read_text()
    assert "Instances: 3" in report
    for secret in ("SYN-1", "Synthetic", str(tmp_path), "1.2.826"):
        assert secret not in report


def test_a_trial_writes_nothing(firstread, project, tmp_path):
    done = firstread("deidentify", project, "--project", "lungs", "--dry-run", "--json")
    assert json.loads(done.out)["instances"] == 3
    assert not (tmp_path / "out").exists()


def test_refused_instances_end_with_4_and_the_rest_is_done(firstread, project, tmp_path):
    (captured,) = ct_series(anatomy(1, 16), series=5)
    captured.BurnedInAnnotation = "YES"
    write(project / "more", [captured])
    done = firstread("deidentify", project, "--project", "lungs", "--out", "out")
    assert (done.code, len(list((tmp_path / "out").rglob("*.dcm")))) == (4, 3)
    assert "text is burned in" in done.out
    options = ("--options", "clean-pixel-data", "--blank", "0,0,16,4", "--out", "all")
    assert firstread("deidentify", project, "--project", "lungs", *options).code == 0
    assert len(list((tmp_path / "all").rglob("*.dcm"))) == 4


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--project", "lungs"), "--out"),
        (("--project", "lungs", "--out", "o", "--dry-run"), "--out"),
        (("--project", "hearts", "--out", "o"), "no project"),
        (("--project", "lungs", "--out", "o", "--options", "magic"), "no option"),
        (("--project", "lungs", "--out", "o", "--blank", "1,2"), "LEFT,TOP"),
    ],
)
def test_what_cannot_work_is_said(firstread, project, arguments, complaint):
    done = firstread("deidentify", project, *arguments)
    assert done.code == 2
    assert complaint in done.err


def test_without_a_key_nothing_is_done(firstread, project, monkeypatch):
    monkeypatch.delenv("FIRSTREAD_CROSSWALK_KEY_FILE")
    done = firstread("deidentify", project, "--project", "lungs", "--out", "out")
    assert (done.code, "crosswalk_key" in done.err) == (2, True)
