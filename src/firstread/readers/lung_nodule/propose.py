"""What may be a nodule in a study, with its probability: load, lungs, detect, judge.

Reading takes the likely ones and goes on to measure; evaluation wants to know of every one how likely it is.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Self

from firstread.dicom.choose import Choice, choose_series
from firstread.dicom.series import Study
from firstread.dicom.volume import Volume
from firstread.engine import Engine, Network
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.candidates import Judged, judge
from firstread.readers.lung_nodule.detectors import JointWeights, find_candidates, joint_weights
from firstread.readers.lung_nodule.lungs import Lungs, segment_lungs

LUNGS, DETECTOR, CANDIDATE = "lung_nodule_lungs", "lung_nodule_detector", "lung_nodule_candidate"
"""The model packages of the three tasks."""


@dataclass(frozen=True)
class Networks:
    """The three networks of the reader, and how two of them decide together."""

    lungs: Network
    detector: Network
    candidate: Network

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Take them from an engine.

        Raises:
            ModelPackageError: a package is missing or damaged, or lacks the precision that was asked for.
        """
        detector = engine.network(DETECTOR)
        # Weights and threshold were measured with both networks in one precision.
        candidate = engine.network(CANDIDATE, alike=detector, many=True)
        return cls(lungs=engine.network(LUNGS), detector=detector, candidate=candidate)

    @property
    def weights(self) -> JointWeights:
        """Return how detector and candidate network decide together.

        Raises:
            ModelPackageError: their packages do not say it.
        """
        return joint_weights(self.detector, self.candidate)

    @property
    def deciding(self) -> tuple[Network, ...]:
        """Return those that say what is a nodule; the candidate network only where it has a weight."""
        return (self.detector, self.candidate) if self.weights.candidate else (self.detector,)

    @property
    def all(self) -> tuple[Network, ...]:
        """Return those that run, in their order."""
        return self.lungs, *self.deciding


@dataclass(frozen=True, eq=False)
class Proposal:
    """Every candidate of a study with its probability, and what it was found in.

    Attributes:
        choice: The series that was read, and why.
        volume: The series, decoded.
        lungs: Its lungs.
        judged: All candidates, in the detector's order.
        threshold: Probability from which on a candidate is reported: the operating point of the precision.
        networks: What was used.
        seconds: Wall-clock seconds of the stages load, segment, detect and classify.
    """

    choice: Choice
    volume: Volume
    lungs: Lungs
    judged: tuple[Judged, ...]
    threshold: float
    networks: Networks
    seconds: Mapping[str, float]

    @property
    def likely(self) -> tuple[Judged, ...]:
        """Return the candidates that are reported."""
        return tuple(one for one in self.judged if one.probability >= self.threshold)


def propose(study: Study, engine: Engine, *, every: bool = False, progress: Progress = silent) -> Proposal:
    """Find what may be a nodule in the best chest series of a study.

    Args:
        study: The study; its best chest series is taken.
        engine: Runs the networks.
        every: Show the candidate network those candidates too that it cannot bring to the threshold.
        progress: Called with the stages load, segment, detect and classify.

    Raises:
        NothingReadable: no series is a CT of the kind that is read.
        RefusedInput: one is, but reading it would not be safe.
        ModelPackageError: a model package is missing, damaged, or does not say how its network decides.
        Cancelled: raised by `progress`, passed on.
    """
    seconds: dict[str, float] = {}
    clock = perf_counter()

    def took(stage: str) -> None:
        nonlocal clock
        now = perf_counter()
        seconds[stage] = round(now - clock, 3)
        clock = now

    choice = choose_series(study)
    with ThreadPoolExecutor(1, "networks") as beside:
        # Beside the decoding, unless precisions have yet to be timed: that wants the processor to itself.
        loading = beside.submit(Networks.of, engine) if all(map(engine.settled, (LUNGS, DETECTOR))) else None
        volume = study.volume(choice.series, threads=engine.threads, progress=progress)
        networks = loading.result() if loading else Networks.of(engine)
    weights = networks.weights
    took("load")
    lungs = segment_lungs(volume, networks.lungs, progress=progress)
    took("segment")
    candidates = find_candidates(volume, lungs, networks.detector, progress=progress)
    took("detect")
    judged = judge(
        volume,
        candidates,
        networks.candidate,
        weights=asdict(weights),
        least=0.0 if every else weights.threshold,
        progress=progress,
    )
    took("classify")
    return Proposal(choice, volume, lungs, judged, weights.threshold, networks, seconds)
