import base64

import numpy as np
import pytest
import requests

from firstread.archive import open_archive
from tests.network.dicomweb.conftest import serving
from tests.viewed import ct, encoded, viewed
from tests.web.pages.test_tview import BALLS, GEOMETRY, SHAPE, ball, chest


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with open_archive(tmp_path_factory.mktemp("outlines") / "archive") as archive:
        viewed(archive, encoded(ct(chest(BALLS), GEOMETRY)), [ball(*one) for one in BALLS])
        viewed(archive, encoded(ct(chest(BALLS), GEOMETRY, study=2)), read=False)
        with serving(archive) as started:
            yield started


def test_each_finding_has_the_voxels_of_its_segment_on_the_results_grid(url):
    studies = requests.get(f"{url}/dicom-web/studies", timeout=20).json()
    uids = sorted(study["0020000D"]["Value"][0] for study in studies)
    found = requests.get(f"{url}/api/studies/{uids[0]}/outlines", timeout=20).json()["outlines"]
    assert [one["finding"] for one in found] == ["N1", "N2"]
    for one, (index, radius) in zip(found, BALLS, strict=True):
        bits = np.frombuffer(base64.b64decode(one["bits"]), np.uint8)
        voxels = np.unpackbits(bits, bitorder="little")[: np.prod(one["shape"])].reshape(one["shape"])
        whole = np.zeros(SHAPE, bool)
        whole[tuple(slice(a, a + n) for a, n in zip(one["offset"], one["shape"], strict=True))] = voxels
        assert np.array_equal(whole, ball(index, radius))


def test_a_study_without_a_result_sounds_like_one_that_is_not_there(url):
    studies = requests.get(f"{url}/dicom-web/studies", timeout=20).json()
    unread = sorted(study["0020000D"]["Value"][0] for study in studies)[1]
    answers = [requests.get(f"{url}/api/studies/{uid}/outlines", timeout=20) for uid in (unread, "1.2.3")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text
