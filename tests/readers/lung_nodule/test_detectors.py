import dataclasses

import pytest

from firstread.engine import Engine
from firstread.errors import ModelPackageError
from firstread.readers.lung_nodule.candidates import judge
from firstread.readers.lung_nodule.detect import Candidate
from firstread.readers.lung_nodule.detectors import JointWeights, find_candidates, joint_weights
from firstread.readers.lung_nodule.propose import Networks
from tests.engine.test_manifest import retinanet
from tests.engine.tiny_network import write_package

OURS = {"detector": 2.0, "candidate": 0.5, "bias": -1.0, "threshold": 0.6}
ALONE = {"detector": 1.0, "candidate": 0.0, "bias": 0.0, "threshold": 0.3}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    package = write_package(tmp_path_factory.mktemp("models") / "tiny")
    with Engine(precision="f32", threads=1) as engine:
        yield engine.network(package)


def with_manifest(network, **changes):
    """The network under a manifest that says something else of it."""
    manifest = network.package.manifest.model_copy(update=changes)
    other = object.__new__(type(network))
    other.__dict__ |= network.__dict__ | {"package": dataclasses.replace(network.package, manifest=manifest)}
    return other


def decoding():
    from firstread.engine import Manifest

    return Manifest.parse(retinanet()).decoding


def test_without_a_word_of_the_detector_the_candidate_networks_weights_hold(network):
    detector = with_manifest(network, operating_point={"f32": {"least_logit": -2.0}})
    candidate = with_manifest(network, operating_point={"f32": OURS})
    assert joint_weights(detector, candidate) == JointWeights(**OURS)
    networks = Networks(network, detector, candidate)
    assert (networks.deciding, networks.all) == ((detector, candidate), (network, detector, candidate))


def test_the_detectors_own_weights_come_first_and_a_network_without_weight_takes_no_part(network):
    detector = with_manifest(network, operating_point={"f32": ALONE}, decoding=decoding())
    candidate = with_manifest(network, operating_point={"f32": OURS})
    assert joint_weights(detector, candidate) == JointWeights(**ALONE)
    networks = Networks(network, detector, candidate)
    assert (networks.deciding, networks.all) == ((detector,), (network, detector))


@pytest.mark.parametrize("missing", OURS)
def test_a_foreign_detector_that_does_not_say_how_it_decides_is_refused(network, missing):
    point = {key: value for key, value in ALONE.items() if key != missing}
    detector = with_manifest(network, operating_point={"f32": point}, decoding=decoding())
    candidate = with_manifest(network, operating_point={"f32": OURS})
    with pytest.raises(ModelPackageError, match=missing) as refused:
        joint_weights(detector, candidate)
    assert "model.toml" in refused.value.remedy


def test_a_detector_of_our_own_kind_needs_its_least_logit(network):
    with pytest.raises(ModelPackageError, match="least_logit"):
        find_candidates(None, None, with_manifest(network, operating_point={}))


def test_a_detector_alone_gives_its_own_probability_and_asks_no_second_network():
    candidates = [Candidate((0.0, 0.0, 0.0), 5.0, logit) for logit in (0.0, 2.0)]
    judged = judge(None, candidates, None, weights=ALONE)
    assert [one.candidate for one in judged] == candidates
    assert [one.probability for one in judged] == pytest.approx([0.5, 0.8807971], abs=1e-6)
