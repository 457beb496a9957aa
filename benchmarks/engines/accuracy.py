"""How well each way does its tasks: against the truth, and against PyTorch as a person writes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.dicom.geometry import Geometry
from firstread.evaluation.froc import Scored, ScoredScan, Truth, match
from firstread.evaluation.segmentation import dice
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT

LEAST_RADIUS_MM = 2.5
"""A candidate this near to a centre hits however small the nodule: as in docs/concepts/models.md."""
NEAR_MM = 18.0
"""As far as firstread looks beyond the lungs."""
LIKELY_LOGIT = 0.0
"""Candidates that the detector alone holds for likelier a nodule than not."""

Labels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What a list of candidates holds of the nodules of some cases.

    Attributes:
        nodules: That were to be found.
        found: Of them.
        false: Candidates on no nodule.
        likely_false: Of them, those of `LIKELY_LOGIT` and more.
    """

    nodules: int = 0
    found: int = 0
    false: int = 0
    likely_false: int = 0

    def __add__(self, other: "Found") -> "Found":
        return Found(
            self.nodules + other.nodules,
            self.found + other.found,
            self.false + other.false,
            self.likely_false + other.likely_false,
        )

    @property
    def sensitivity(self) -> float | None:
        """Return the share that was found; None without a nodule."""
        return self.found / self.nodules if self.nodules else None


def mean_dice(one: Labels, other: Labels) -> float:
    """Return the mean Dice of right and left lung; a lung that neither has is left out."""
    sides = [dice(one == side, other == side) for side in (RIGHT, LEFT)]
    told = [value for value in sides if value is not None]
    return float(np.mean(told)) if told else 1.0


def found_of(candidates: Rows, nodules: Sequence[Truth]) -> Found:
    """Compare candidates [n, 5] (x, y, z, diameter; mm, logit) with nodules, each of which is to be found."""
    asked = tuple(Truth(n.center_lps_mm, n.diameter_mm) for n in nodules)
    scored = [Scored((x, y, z), logit) for x, y, z, _, logit in candidates.tolist()]
    matched = match(ScoredScan("case", scored, asked), least_radius_mm=LEAST_RADIUS_MM)
    return Found(
        nodules=len(asked),
        found=int(np.isfinite(matched.best).sum()),
        false=len(matched.false_positives),
        likely_false=sum(score >= LIKELY_LOGIT for score in matched.false_positives),
    )


def near_lungs(candidates: Rows, lungs: Labels, geometry: Geometry) -> Rows:
    """Return the candidates with reference lung within `NEAR_MM` along each axis; elsewhere are no lung nodules."""
    reach = np.ceil(NEAR_MM / np.array(geometry.spacing_mm)).astype(int)
    kept = []
    for candidate in candidates:
        centre = np.rint(geometry.to_index(candidate[:3])).astype(int)
        box = tuple(slice(max(c - r, 0), max(c + r + 1, 0)) for c, r in zip(centre, reach, strict=True))
        kept.append(bool(lungs[box].any()))
    return candidates[np.array(kept, bool)]


def to_be_found(marked: Sequence[Truth], first: Rows) -> tuple[Truth, ...]:
    """Return marked nodules and, beside them, what the first way reported elsewhere."""
    own = [Truth((x, y, z), diameter) for x, y, z, diameter, _ in first.tolist()]
    return (*marked, *(one for one in own if not any(_on(one.center_lps_mm, nodule) for nodule in marked)))


def labelled(candidates: Rows, nodules: Sequence[Truth]) -> npt.NDArray[np.int8]:
    """Label candidates: 1 on a nodule that counts, 0 on none, -1 on one that does not count."""
    labels = np.zeros(len(candidates), np.int8)
    for row, candidate in enumerate(candidates):
        hit = [nodule.counts for nodule in nodules if _on(candidate[:3], nodule)]
        if hit:
            labels[row] = 1 if any(hit) else -1
    return labels


def auc(labels: npt.NDArray[np.int8], scores: Rows) -> float | None:
    """Return the area under the ROC curve: how often a 1 scores above a 0, ties for half; None without both."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    if not positive.size or not negative.size:
        return None
    above = (positive[:, None] > negative[None]).mean()
    return float(above + 0.5 * (positive[:, None] == negative[None]).mean())


def _on(place: Sequence[float], nodule: Truth) -> bool:
    away = float(np.linalg.norm(np.subtract(place, nodule.center_lps_mm)))
    return away <= max(nodule.diameter_mm / 2, LEAST_RADIUS_MM)
