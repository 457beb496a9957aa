import json

import pytest

from tests.dicom.ct_series import ROOT, anatomy, ct_series, write

ROUTES = """\
[[routes]]
name = "emergency"
reader = "lung_nodule"
priority = "stat"
destinations = "pacs"
when = { source = "ER*", modality = "CT" }

[[routes]]
name = "thin"
reader = "lung_nodule"
when = { modality = "CT", slice_thickness_mm = { max = 3 } }
unless = { image_type = "LOCALIZER" }

[[routes]]
name = "old"
reader = "lung_nodule"
enabled = false
when = { modality = "CT" }
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file of routes."""
    path = tmp_path / "routes.toml"
    path.write_text(ROUTES)
    monkeypatch.setenv("FIRSTREAD_ROUTES_FILE", str(path))
    monkeypatch.setenv("FIRSTREAD_DESTINATIONS", '{"pacs": "PACS@10.0.0.5:104"}')
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    return path


@pytest.fixture
def study(tmp_path):
    """A folder with a study: a series and a topogram."""
    topogram = ct_series(anatomy(1, 16), series=2)
    topogram[0].ImageType, topogram[0].SliceThickness = ["ORIGINAL", "PRIMARY", "LOCALIZER"], 0.6
    return write(tmp_path / "study", [*ct_series(anatomy(3, 16)), *topogram])


def test_routes_are_listed_in_their_order(firstread, file):
    listed = firstread("routes", "list")
    assert listed.code == 0
    lines = [line for line in listed.out.splitlines() if "lung_nodule" in line]
    assert [line.split()[0] for line in lines] == ["emergency", "thin", "old"]
    assert "source ER*; modality CT" in lines[0]
    assert "1 disabled" in listed.out
    told = json.loads(firstread("routes", "list", "--json").out)
    assert [each["enabled"] for each in told] == [True, True, False]
    assert told[0]["destinations"] == ["pacs"]


def test_without_routes_that_is_said(firstread):
    assert firstread("routes", "list").out == "There is no route: nothing is read by itself.\n"


def test_a_dry_run_says_what_is_read_and_why(firstread, file, study):
    said = firstread("routes", "test", study)
    assert said.code == 0
    assert "emergency (lung_nodule): does not fit" in said.out
    assert "thin (lung_nodule): reads" in said.out
    assert "old (lung_nodule): is disabled" in said.out
    assert "✗  study     source ER*" in said.out
    assert "✗  series 2  unless image_type LOCALIZER" in said.out
    assert "lung_nodule reads series 1, routine, by route thin; results stay here." in said.out
    emergency = firstread("routes", "test", study, "--source", "ER1").out
    assert "reads the series that it chooses, stat, by route emergency; results to pacs." in emergency
    assert "thin (lung_nodule): comes after emergency" in emergency


def test_a_study_of_the_archive_is_tried_by_its_uid_and_told_as_json(firstread, file, study):
    assert firstread("archive", "add", study).code == 0
    told = json.loads(firstread("routes", "test", f"{ROOT}.1", "--json").out)
    assert told["facts"]["source"] == ["import"]
    (read,) = told["reads"]
    assert (read["route"], read["series_uid"]) == ("thin", f"{ROOT}.1.1")
    assert [verdict["outcome"] for verdict in told["explanation"]] == ["does not fit", "reads", "is disabled"]
    assert firstread("routes", "test", f"{ROOT}.2").code == 2


def test_no_patient_is_named(firstread, file, study):
    for shown in (firstread("routes", "test", study), firstread("routes", "test", study, "--json")):
        assert "Synthetic" not in shown.out
        assert "SYN-1" not in shown.out


def test_a_file_is_checked_before_it_is_put_there(firstread, file, tmp_path):
    assert firstread("routes", "check").out == "3 routes can be used, 2 of them enabled.\n"
    other = tmp_path / "other.toml"
    other.write_text(ROUTES.replace("modality", "modalty", 1))
    checked = firstread("routes", "check", other)
    assert checked.code == 2
    assert "'emergency' cannot be used: when.modalty" in checked.err
    assert str(other) in checked.err


def test_routes_are_added_removed_and_changes_taken_back(firstread, file, tmp_path):
    new = tmp_path / "new.toml"
    new.write_text(ROUTES[: ROUTES.index('[[routes]]\nname = "thin"')].replace("emergency", "night"))

    def names():
        return [each["name"] for each in json.loads(firstread("routes", "list", "--json").out)]

    assert firstread("routes", "add", new, "--before", "thin").code == 0
    assert names() == ["emergency", "night", "thin", "old"]
    assert firstread("routes", "add", new).code == 2
    assert firstread("routes", "remove", "old").code == 0
    assert names() == ["emergency", "night", "thin"]
    assert firstread("routes", "undo").code == 0
    assert names() == ["emergency", "night", "thin", "old"]
    assert firstread("routes", "remove", "noon").code == 2
