"""What readers marked in a scan, and what they only pointed at."""

import json

from firstread.evaluation.annotations import UNKNOWN_SIZE_MM
from training.lung_nodule.backgrounds import SOLID, Marked, marked_nodules

OUTLINED = {"center_lps_mm": [1.0, 2.0, 3.0], "long_diameter_mm": 8.0, "reader": "1", "texture": 2}


def test_places_of_lunas_list_follow_the_outlined_nodules_with_no_reader(tmp_path):
    (tmp_path / "annotations.json").write_text(
        json.dumps({"series_uid": "1.2", "readers_annotations": [OUTLINED]})
    )
    excluded = tmp_path / "annotations_excluded.csv"
    excluded.write_text("seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2,7,7,7,-1\n1.4,1,1,1,6\n")
    (outlined,) = marked_nodules(tmp_path)
    assert (outlined.centre, outlined.readers, outlined.texture) == ((1, 2, 3), 1, 2)
    assert marked_nodules(tmp_path, excluded=excluded) == (
        outlined,
        Marked((7, 7, 7), UNKNOWN_SIZE_MM, 0, SOLID),
    )


def test_of_a_scan_that_nobody_annotated_nothing_is_known(tmp_path):
    assert marked_nodules(tmp_path) == ()
