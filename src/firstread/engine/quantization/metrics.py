"""What a quantised network is judged by: greater is better, 1 is as good as can be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from firstread.errors import UsageError

Array = npt.NDArray[Any]

# Where FP32 says less, INT8 may say what it likes: a map is almost everywhere empty.
_LEAST_PROBABILITY = 0.2


@dataclass(frozen=True)
class Metric:
    """A way to compare outputs.

    Attributes:
        tasks: For which it makes sense.
        needs_truth: Whether it cannot take the FP32 network for right.
        about: In words.
        score: From outputs, and what is right, of all samples: labels, or FP32's outputs through `right`.
        right: Makes of FP32's output what takes the place of labels; None where labels are needed.
    """

    tasks: tuple[str, ...]
    needs_truth: bool
    about: str
    score: Callable[[Sequence[Array], Sequence[Array]], float]
    right: Callable[[Array], Array] | None = None


def labels(output: Array) -> Array:
    """Return the label of every voxel of [1, channels, z, y, x]: the largest channel, or 1 where one is set."""
    values = output[0]
    return values.argmax(0) if len(values) > 1 else (probability(values[0]) > 0.5).astype(np.int64)


def probability(values: Array) -> Array:
    """Return probabilities: values from 0 to 1 as they are, logits through the logistic function."""
    if values.size and (values.min() < 0 or values.max() > 1):
        return np.asarray(1 / (1 + np.exp(-values.astype(np.float64))))
    return values


def dice(outputs: Sequence[Array], right: Sequence[Array]) -> float:
    """Return the mean Dice of the labels above 0 that occur, over all voxels of all samples."""
    found = [labels(output) for output in outputs]
    wanted = [np.asarray(each).reshape(one.shape) for each, one in zip(right, found, strict=True)]
    scores = []
    for label in sorted({int(value) for each in wanted for value in np.unique(each)} - {0}):
        ours = [each == label for each in found]
        theirs = [each == label for each in wanted]
        both = sum(int((a & b).sum()) for a, b in zip(ours, theirs, strict=True))
        scores.append(2 * both / sum(int(a.sum() + b.sum()) for a, b in zip(ours, theirs, strict=True)))
    if not scores:
        raise UsageError(
            "No sample that judges holds a label above 0.", remedy="Add samples that show what is segmented."
        )
    return float(np.mean(scores))


def agreement(outputs: Sequence[Array], right: Sequence[Array]) -> float:
    """Return 1 minus the mean difference of the probabilities, where FP32's is above 0.2; anywhere, for vectors."""
    differences = []
    every = probability(np.stack([np.stack(outputs), np.stack(right)]))  # all of them logits, or none
    for a, b in zip(*every, strict=True):
        hot = b > _LEAST_PROBABILITY if b.ndim > 2 else np.ones_like(b, bool)
        differences.append(np.abs(a - b)[hot])
    told = np.concatenate(differences)
    return 1.0 - float(told.mean()) if told.size else 1.0


def refuse_silence(right: Sequence[Array]) -> None:
    """Refuse FP32's outputs on all samples that judge, if none says anything: any network would agree.

    Raises:
        UsageError: they are maps, and empty.
    """
    every = probability(np.stack(right))
    if every.ndim > 3 and not (every > _LEAST_PROBABILITY).any():
        raise UsageError(
            f"On no sample that judges does the FP32 network say more than {_LEAST_PROBABILITY:g} anywhere.",
            remedy="Add samples that show what is looked for.",
        )


def auc(outputs: Sequence[Array], right: Sequence[Array]) -> float:
    """Return the area under the ROC curve over all cells of all samples; labels are 1 and 0.

    Source: Hanley and McNeil, Radiology 1982;143:29 (the Mann-Whitney statistic).
    """
    scores = np.concatenate([output.ravel() for output in outputs])
    wanted = np.concatenate([np.asarray(each).ravel() for each in right]) > 0
    if scores.size != wanted.size:
        raise UsageError(
            f"`truth` has {wanted.size} values, the network's output {scores.size}.",
            remedy="Give truth in the shape of the output: [channels, z, y, x], or [channels].",
        )
    positive, negative = int(wanted.sum()), int((~wanted).sum())
    if not positive or not negative:
        raise UsageError(
            "The samples that judge are all of one kind.",
            remedy="Add samples of both kinds, or take agreement.",
        )
    ranks = rankdata(scores)[wanted].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


METRICS: dict[str, Metric] = {
    "dice": Metric(tasks=("segmentation",), needs_truth=False, about="mean Dice", score=dice, right=labels),
    "agreement": Metric(
        tasks=("segmentation", "detection", "candidate"),
        needs_truth=False,
        about="1 - mean difference of the probabilities from FP32's",
        score=agreement,
        right=lambda output: output,
    ),
    "auc": Metric(
        tasks=("detection", "candidate"), needs_truth=True, about="area under the ROC curve", score=auc
    ),
}


def default_metric(task: str, *, with_truth: bool) -> str:
    """Return the name of the metric that a task is judged by where none was named."""
    if task == "segmentation":
        return "dice"
    return "auc" if with_truth else "agreement"
