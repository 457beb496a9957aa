import numpy as np
import pytest

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.engine import Engine, find_package
from firstread.readers.lung_nodule.candidates import GREATEST_LOGIT, judge
from firstread.readers.lung_nodule.detect import Candidate
from firstread.readers.lung_nodule.propose import CANDIDATE

WEIGHTS = {"detector": 2.0, "candidate": 0.5, "bias": -1.0}
LEAST = 0.5
BOUND = (1.0 - 0.5 * GREATEST_LOGIT) / 2.0
"""The detector's logit from which on the candidate network can bring a candidate to a half."""


@pytest.fixture(scope="module")
def network():
    with Engine(precision="f32", threads=1) as engine:
        yield engine.network(find_package(CANDIDATE))


@pytest.fixture(scope="module")
def volume():
    geometry = Geometry(shape=(60, 60, 60), affine=np.eye(4)[[2, 1, 0, 3]])
    away = np.linalg.norm(np.indices(geometry.shape).T - 30, axis=-1).T
    return Volume(np.where(away < 5, 40, -850).astype(np.int16), geometry, sources=(), headers=())


def judged(volume, network, logits, **options):
    """The probabilities, and how many candidates the network was shown."""
    told = []
    candidates = [Candidate((30.0, 30.0, 30.0), 10.0, logit) for logit in logits]
    found = judge(
        volume, candidates, network, weights=WEIGHTS, progress=lambda *at: told.append(at), **options
    )
    assert [one.candidate for one in found] == candidates
    assert told[0] == ("classify", 0.0) and told[-1] == ("classify", 1.0)
    return [one.probability for one in found], len(told) - 2


def test_who_cannot_reach_what_matters_is_not_shown_and_what_reaches_it_is_the_same(volume, network):
    logits = (2.0, -0.5, BOUND + 0.01, BOUND - 0.01, -9.0)
    every, shown = judged(volume, network, logits)
    assert shown == 5
    some, shown = judged(volume, network, logits, least=LEAST)
    assert shown == 3
    assert some[:3] == every[:3] and some[0] >= LEAST
    for probability, whole, logit in zip(some[3:], every[3:], logits[3:], strict=True):
        assert probability < LEAST and whole < LEAST
        assert probability == pytest.approx(1 / (1 + np.exp(-(2 * logit - 1))))


def test_nothing_to_show_is_nothing_to_run(volume, network):
    assert judged(volume, network, ()) == ([], 0)
    assert judged(volume, network, (-9.0,), least=LEAST)[1] == 0


def test_the_networks_word_has_an_end(volume, network):
    (probability,), _ = judged(volume, network, (0.0,))
    change = np.log(probability / (1 - probability)) - WEIGHTS["bias"]
    assert 0 < abs(change) <= WEIGHTS["candidate"] * GREATEST_LOGIT + 1e-9
