"""Which detector a package holds, and how its score and the candidate network's become a probability."""

from dataclasses import dataclass

from firstread.dicom.volume import Volume
from firstread.engine import Network
from firstread.errors import ModelPackageError
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.detect import Candidate, detect
from firstread.readers.lung_nodule.lungs import Lungs
from firstread.readers.lung_nodule.retinanet import detect_boxes

_POINT = ("detector", "candidate", "bias", "threshold")


@dataclass(frozen=True)
class JointWeights:
    """How two scores become a probability: its logit is their weighted sum.

    Attributes:
        detector: Of the detector's logit.
        candidate: Of the candidate network's; 0: the detector decides alone, and that network is not run.
        bias: Added.
        threshold: Probability from which on a candidate is reported.
    """

    detector: float
    candidate: float
    bias: float
    threshold: float


def find_candidates(
    volume: Volume, lungs: Lungs, network: Network, *, progress: Progress = silent
) -> tuple[Candidate, ...]:
    """Return candidates inside the lungs, most likely first, by the detector that the package describes.

    Raises:
        ModelPackageError: the package does not say what a detector has to.
    """
    decoding = network.package.manifest.decoding
    if decoding is not None:
        return detect_boxes(volume, lungs, network, decoding, progress=progress)
    if "least_logit" not in network.operating_point:
        raise _incomplete(network, "least_logit")
    least_logit = network.operating_point["least_logit"]
    return detect(volume, lungs, network, least_logit=least_logit, progress=progress)


def joint_weights(detector: Network, candidate: Network) -> JointWeights:
    """Return the weights of both networks: the detector's package comes first, for the candidate's were fitted to ours.

    Raises:
        ModelPackageError: a detector that is not firstread's own states none, or one of the packages only a part.
    """
    foreign = detector.package.manifest.decoding is not None
    source = detector if foreign or "detector" in detector.operating_point else candidate
    for key in _POINT:
        if key not in source.operating_point:
            raise _incomplete(source, key)
    return JointWeights(**{key: source.operating_point[key] for key in _POINT})


def _incomplete(network: Network, key: str) -> ModelPackageError:
    return ModelPackageError(
        f"The model package {network.package.name} does not state {key} in operating_point.{network.precision}.",
        remedy="Complete model.toml; docs/reference/model-package.md says what a detector states.",
    )
