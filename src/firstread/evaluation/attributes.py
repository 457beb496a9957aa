"""`firstread evaluate attributes`: what a nodule is said to be, against the readers' ratings.

Attenuation is compared by class: the median texture rating up to 2 is ground-glass, from 4 on solid, between them
part-solid; calcified and fat are solid to LIDC's readers. Attributes that are present or absent, and scores, are
compared where the findings have them, by their coded concept. Beside each stands how well readers agree with each
other: each against the median (scores: the mean) of the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy import stats

from firstread.evaluation.marks import texture_class
from firstread.evaluation.pairs import ReadScans
from firstread.evaluation.record import Run
from firstread.evaluation.statistics import Estimate, Floats, Ints, Value, estimate, share
from firstread.findings import Code, Finding
from firstread.findings.concepts import (
    CALCIFICATION,
    LOBULATION,
    LOBULATION_SCORE,
    MALIGNANCY_SCORE,
    PRESENT,
    SPICULATION,
    SPICULATION_SCORE,
)

ABSENT_CALCIFICATION = 6.0
"""LIDC's rating of calcification from 1, popcorn, to 6, absent."""
MARKED = 3.0
"""From this rating on, of 1 to 5, readers see more than a trace of spiculation or lobulation."""
UNDECIDED = 3.0
"""LIDC's malignancy rating "indeterminate"."""
_LEAST_FOR_RANKS = 3

Row = tuple[str, str, str]
"""Patient, what was said, what readers say."""


@dataclass(frozen=True)
class Classes:
    """An attribute with classes.

    Attributes:
        name: Of the attribute.
        rating: The readers' rating that it is compared with.
        values: The classes, in the order of the table.
        finding: The class that a finding states; None where it states none.
        readers: The class of a rating, or of the median of several.
    """

    name: str
    rating: str
    values: tuple[str, ...]
    finding: Callable[[Finding], str | None]
    readers: Callable[[float], str]


@dataclass(frozen=True)
class Score:
    """An attribute with a number, higher for more of it."""

    name: str
    rating: str
    concept: Code


def _stated(concept: Code) -> Callable[[Finding], str | None]:
    def value(finding: Finding) -> str | None:
        said = next((one.value for one in finding.attributes if _same(one.concept, concept)), None)
        return None if said is None else "present" if _same(said, PRESENT) else "absent"

    return value


def _same(one: Code, other: Code) -> bool:
    return (one.scheme, one.value) == (other.scheme, other.value)


def _attenuation(finding: Finding) -> str | None:
    return "solid" if finding.attenuation in ("calcified", "fat") else finding.attenuation


def _present(there: bool) -> str:
    return "present" if there else "absent"


CLASSES = (
    Classes("attenuation", "texture", ("ground-glass", "part-solid", "solid"), _attenuation, texture_class),
    Classes(
        "calcification",
        "calcification",
        ("absent", "present"),
        _stated(CALCIFICATION),
        lambda rating: _present(rating < ABSENT_CALCIFICATION),
    ),
    Classes(
        "spiculation",
        "spiculation",
        ("absent", "present"),
        _stated(SPICULATION),
        lambda rating: _present(rating >= MARKED),
    ),
    Classes(
        "lobulation",
        "lobulation",
        ("absent", "present"),
        _stated(LOBULATION),
        lambda rating: _present(rating >= MARKED),
    ),
)
SCORES = (
    Score("spiculation score", "spiculation", SPICULATION_SCORE),
    Score("lobulation score", "lobulation", LOBULATION_SCORE),
    Score("malignancy score", "malignancy", MALIGNANCY_SCORE),
)


class ClassAgreement(Value):
    """How often two say the same class."""

    attribute: str
    by: str = Field(description="firstread against the readers' median, or reader against the others' median")
    agreement: Estimate = Field(description="share that is the same")
    kappa: Estimate = Field(
        description="Cohen 1960: agreement beyond chance; None where only one class occurs"
    )
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...] = Field(
        description="rows: the readers' class; columns: what was said"
    )


class ScoreAgreement(Value):
    """How well a score follows the readers' mean rating."""

    attribute: str
    by: str
    rank_correlation: Estimate = Field(
        description="Spearman's; None for fewer than three or without variation"
    )
    auc: Estimate = Field(
        description="that a nodule rated above 3 has a higher score than one rated below 3; None without both"
    )


class AttributesReport(Run):
    """`attributes.json`: the record and the figures."""

    found: Estimate = Field(
        description="nodules that were found, of those that count: only they are compared"
    )
    classes: tuple[ClassAgreement, ...]
    scores: tuple[ScoreAgreement, ...]


def attributes_report(read: ReadScans, *, least_readers: int, command: str = "") -> AttributesReport:
    """Compare what the findings state with the readers' ratings; what they do not state is left out."""
    classes: list[ClassAgreement] = []
    for kind in CLASSES:
        ours, theirs = _class_rows(read, kind)
        classes += [class_agreement(ours, kind, by="firstread")] if ours else []
        classes += [class_agreement(theirs, kind, by="reader")] if ours and theirs else []
    scores: list[ScoreAgreement] = []
    for score in SCORES:
        mine, others = _score_rows(read, score)
        scores += [score_agreement(mine, score, by="firstread")] if mine else []
        scores += [score_agreement(others, score, by="reader")] if mine and others else []
    return AttributesReport(
        command=command,
        models=read.models,
        least_readers=least_readers,
        scans=read.scans,
        warnings=read.warnings,
        found=share([pair.finding is not None for pair in read.pairs], [pair.patient for pair in read.pairs]),
        classes=tuple(classes),
        scores=tuple(scores),
    )


def class_agreement(rows: Sequence[Row], kind: Classes, *, by: str) -> ClassAgreement:
    """Summarise rows of patient, class that was said, and class of the readers; at least one."""
    patients = [patient for patient, _, _ in rows]
    said, truth = (np.array([kind.values.index(row[column]) for row in rows], np.int64) for column in (1, 2))
    table = np.zeros((len(kind.values),) * 2, int)
    np.add.at(table, (truth, said), 1)
    return ClassAgreement(
        attribute=kind.name,
        by=by,
        agreement=share(said == truth, patients),
        kappa=estimate(lambda take: kappa(said[take], truth[take]), patients),
        classes=kind.values,
        confusion=tuple(tuple(int(n) for n in row) for row in table),
    )


def kappa(one: Ints, other: Ints) -> float:
    """Return Cohen's kappa of two lists of classes; nan where chance alone agrees fully."""
    agreed = float((one == other).mean())
    values = np.union1d(one, other)
    chance = float(sum((one == v).mean() * (other == v).mean() for v in values))
    return float("nan") if chance >= 1 else (agreed - chance) / (1 - chance)


def score_agreement(rows: Sequence[tuple[str, float, float]], score: Score, *, by: str) -> ScoreAgreement:
    """Summarise rows of patient, score, and mean rating of the readers; at least one."""
    patients = [patient for patient, _, _ in rows]
    scores, ratings = (np.array([row[column] for row in rows], float) for column in (1, 2))
    return ScoreAgreement(
        attribute=score.name,
        by=by,
        rank_correlation=estimate(lambda take: rank_correlation(scores[take], ratings[take]), patients),
        auc=estimate(lambda take: auc(scores[take], ratings[take]), patients),
    )


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation; nan for fewer than three or where one does not vary."""
    if len(one) < _LEAST_FOR_RANKS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1])


def auc(scores: Floats, ratings: Floats) -> float:
    """Return how often one rated above 3 scores higher than one rated below, ties half; nan without both."""
    high, low = scores[ratings > UNDECIDED], scores[ratings < UNDECIDED]
    if not high.size or not low.size:
        return float("nan")
    above = (high[:, None] > low[None]).mean() + 0.5 * (high[:, None] == low[None]).mean()
    return float(above)


def _class_rows(read: ReadScans, kind: Classes) -> tuple[list[Row], list[Row]]:
    ours: list[Row] = []
    theirs: list[Row] = []
    for pair in read.pairs:
        ratings = pair.nodule.rated(kind.rating)
        said = kind.finding(pair.finding) if pair.finding else None
        if said is not None and ratings:
            ours.append((pair.patient, said, kind.readers(float(np.median(ratings)))))
        for n, rating in enumerate(ratings if len(ratings) > 1 else ()):
            others = float(np.median([*ratings[:n], *ratings[n + 1 :]]))
            theirs.append((pair.patient, kind.readers(rating), kind.readers(others)))
    return ours, theirs


def _score_rows(
    read: ReadScans, score: Score
) -> tuple[list[tuple[str, float, float]], list[tuple[str, float, float]]]:
    ours: list[tuple[str, float, float]] = []
    theirs: list[tuple[str, float, float]] = []
    for pair in read.pairs:
        ratings = pair.nodule.rated(score.rating)
        measured = pair.finding.measurements if pair.finding else ()
        said = next((one.value for one in measured if _same(one.concept, score.concept)), None)
        if said is not None and ratings:
            ours.append((pair.patient, said, float(np.mean(ratings))))
        for n, rating in enumerate(ratings if len(ratings) > 1 else ()):
            theirs.append((pair.patient, rating, float(np.mean([*ratings[:n], *ratings[n + 1 :]]))))
    return ours, theirs
