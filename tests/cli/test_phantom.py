import json

import numpy as np
import pydicom
import pytest

from firstread.phantom import make, make_phantom, parse_nodules


def test_the_command_writes_the_phantom_of_its_seed_and_says_what_is_in_it(firstread, tmp_path):
    size = {"slices": 12, "matrix": 96, "spacing_mm": (3.0, 3.7, 3.7)}
    done = firstread(
        "phantom", "study", "--seed", "3", "--slices", "12", "--slice-mm", "3", "--pixel-mm", "3.7",
        "--matrix", "96", "--nodules", "9mm:solid,14mm:part-solid/6", "--like", "ge",
    )  # fmt: skip
    assert done.code == 0
    truth = json.loads((tmp_path / "study" / "truth.json").read_text())
    assert [nodule["attenuation"] for nodule in truth["nodules"]] == ["solid", "part-solid"]
    assert "Synthetic image. No real person." in done.out
    assert "T2" in done.out
    assert "part-solid, solid part 6.0" in done.out
    # Made again from nothing, equal to the last bit.
    make._person.cache_clear()
    again = make_phantom(seed=3, nodules=parse_nodules("9mm:solid,14mm:part-solid/6"), **size)
    for index, path in enumerate(sorted((tmp_path / "study").glob("ct-*.dcm"))):
        ds = pydicom.dcmread(path)
        stored = ds.pixel_array
        inside = stored != ds.PixelPaddingValue
        assert np.array_equal(stored[inside] - 1024, again.hu[index][inside])
    refused = firstread("phantom", "study")
    assert refused.code == 2
    assert "--force" in refused.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Name one folder"),
        (("a", "--out", "b"), "Name one folder"),
        (("a", "--nodules", "8mm:soild"), "soild"),
        (("a", "--nodules", "big"), "diameter"),
        (("a", "--nodules", "999"), "999 nodules"),
        (("a", "--kernel", "b31f"), "b31f"),
        (("a", "--matrix", "33"), "matrix"),
        (("a", "--slice-mm", "0"), "spacing"),
        (("a", "--noise", "-1"), "noise"),
        (("a", "--seed", "-1"), "seed"),
        (("a", "--date", "yesterday"), "yesterday"),
    ],
)
def test_a_wrong_call_is_a_usage_error_and_writes_nothing(firstread, tmp_path, arguments, says):
    done = firstread("phantom", *arguments)
    assert done.code == 2
    assert says in done.err
    assert not list(tmp_path.glob("*/*"))
