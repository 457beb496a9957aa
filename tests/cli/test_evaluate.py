"""The whole of `firstread evaluate` on a chest with one ball in it, by the shipped networks."""

import json
import shutil

import numpy as np
import pytest

from firstread.workflow.read_study import read_study
from tests import small_chest

BALL_LPS_MM = [
    origin + index * step
    for origin, index, step in zip(
        small_chest.ORIGIN_LPS_MM, small_chest.BALL_INDEX[::-1], small_chest.SPACING_MM[::-1], strict=True
    )
]
BALL_MM3 = float(np.pi / 6 * small_chest.BALL_MM**3)


@pytest.fixture(scope="module")
def scans(small_study, tmp_path_factory):
    """A folder with the annotated chest, and one without annotations."""
    folder = tmp_path_factory.mktemp("scans")
    shutil.copytree(small_study, folder / "chest")
    (folder / "other").mkdir()
    shutil.copy(next(small_study.glob("*.dcm")), folder / "other")
    mark = {"center_lps_mm": BALL_LPS_MM, "long_diameter_mm": small_chest.BALL_MM, "volume_mm3": BALL_MM3}
    marks = [{**mark, "texture": texture, "short_diameter_mm": 14.0} for texture in (5, 5, 4)]
    # A mark of one reader alone is neither asked for nor held against.
    marks.append({"center_lps_mm": [60.0, 0.0, -220.0], "long_diameter_mm": 6.0, "texture": 1})
    (folder / "chest" / "annotations.json").write_text(json.dumps({"readers_annotations": marks}))
    return folder


def report(folder, name):
    told = json.loads((folder / name).read_text())
    assert "not verified" in told["notice"]
    assert "Research use" in told["notice"]
    assert told["command"].startswith("firstread evaluate")
    assert all(len(use["digest"]) == 64 for use in told["models"])
    return told


def test_froc_finds_the_ball_and_writes_figures_plot_and_candidates(firstread, scans, tmp_path):
    done = firstread("evaluate", "froc", scans, "--out", "out", "--precision", "f32", "--threads", "1")
    assert done.code == 0, done.err
    told = report(tmp_path / "out", "froc.json")
    assert {use["precision"] for use in told["models"]} == {"f32"}
    assert (told["froc"]["nodules_that_count"], told["froc"]["nodules_ignored"]) == (1, 1)
    assert told["froc"]["at_threshold"]["found"] == 1
    (ball,) = told["froc"]["nodules"]
    assert ball["labels"]["size"] == "12 mm and more"
    assert ball["labels"]["texture"] == "solid"
    assert ball["labels"]["slice thickness"] == "1.6 to 2.5 mm"
    assert told["warnings"] == ["other has no annotations.json and was left out."]
    rows = (tmp_path / "out" / "candidates.csv").read_text().splitlines()
    assert rows[0] == "seriesuid,coordX,coordY,coordZ,probability"
    assert len(rows) == 1 + told["froc"]["candidates"]
    assert (tmp_path / "out" / "froc.svg").read_text().startswith("<svg")
    for words in ("not verified", "1/8", "CPM", "1 of 1", "12 mm and more", "was left out", "froc.json"):
        assert words in done.out
    again = firstread("evaluate", "froc", scans, "--out", "out")
    assert again.code == 2
    assert "--force" in again.err


def test_measurement_is_that_of_the_ball(firstread, scans, tmp_path):
    done = firstread("evaluate", "measurement", scans, "--out", "out")
    assert done.code == 0, done.err
    told = report(tmp_path / "out", "measurement.json")
    values = {one["quantity"]: one for one in told["values"]}
    assert values["long diameter"]["value"] == pytest.approx(14.0, abs=2.0)
    assert values["mean diameter"]["readers"] == [14.0, 14.0, 14.0]
    assert values["volume"]["value"] == pytest.approx(BALL_MM3, rel=0.25)
    assert (tmp_path / "out" / "diameter.svg").exists()
    assert "Readers: each against the mean of the others" in done.out


def test_attributes_are_those_of_the_ball(firstread, scans, tmp_path):
    done = firstread("evaluate", "attributes", scans, "--out", "out")
    assert done.code == 0, done.err
    told = report(tmp_path / "out", "attributes.json")
    attenuation = next(one for one in told["classes"] if one["attribute"] == "attenuation")
    assert attenuation["confusion"] == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert "attenuation" in done.out


def test_segmentation_agrees_with_itself_and_holds_the_ball(firstread, scans, tmp_path):
    read_study(scans / "chest", tmp_path / "read", reader="lung_nodule")
    done = firstread("evaluate", "segmentation", scans, "--out", "out", "--reference", tmp_path / "read")
    assert done.code == 0, done.err
    told = report(tmp_path / "out", "segmentation.json")
    assert {side: one["value"] for side, one in told["dice"].items()} == {
        "right": 1.0,
        "left": 1.0,
        "both": 1.0,
    }
    agreed, every = told["inside"]
    assert (agreed["centres_inside"]["value"], agreed["centres_inside"]["n"]) == (1.0, 1)
    assert agreed["volume_inside"]["value"] > 0.9
    assert every["centres_inside"]["n"] == 2
    assert "Dice, right" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["froc", "nowhere"], 2, "is not a folder"),
        (["froc", "SCANS", "--excluded", "x.csv"], 2, "needs --annotations"),
        (["froc", "SCANS", "--annotations", "x.csv"], 2, "x.csv cannot be read"),
        (["froc", "SCANS", "--models", "empty"], 2, "holds no model package"),
        (["segmentation", "SCANS", "--reference", "empty"], 2, "no DICOM Segmentation"),
        (["measurement", "empty"], 3, "No annotated scan"),
        (["attributes", "SCANS", "--least-readers", "0"], 2, "least-readers"),
    ],
)
def test_what_cannot_work_is_told_and_writes_nothing(firstread, scans, tmp_path, arguments, code, words):
    (tmp_path / "empty").mkdir()
    done = firstread("evaluate", *(scans if argument == "SCANS" else argument for argument in arguments))
    assert done.code == code
    assert words in done.err.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_scan_that_cannot_be_read_is_told_of_and_all_of_them_is_an_error(firstread, scans):
    done = firstread("evaluate", "froc", scans / "other", "--unannotated", "empty")
    assert done.code == 3
    assert "other could not be read and is in no figure" in done.err
