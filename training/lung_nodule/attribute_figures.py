"""Agreement of the attribute scores with readers, beside the readers' own, on patients never trained on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.readers.lung_nodule.attributes import LinearScore
from training.lung_nodule.agreement import (
    auc,
    calibration,
    calibration_error,
    mean_difference,
    spearman,
    weighted_kappa,
    with_interval,
)
from training.lung_nodule.attribute_features import CONTOUR, OUTLINE, RATINGS, Table
from training.lung_nodule.scenes import is_held_out

Array = npt.NDArray[np.float64]

LEAST_READERS = 3
"""Nodules of fewer readers are not counted: a mean of one other reader is no truth."""
PRESENT_FROM = 3.5
"""Readers' mean rating from which spiculation and lobulation are called present."""
DOUBTFUL = 3.0
"""Readers' mean suspicion that is neither."""
OWN_CALCIUM_HU = (100.0, 250.0)
"""Inserted tissue below the first holds no calcium, above the second it does; between them nobody could say."""


def others_means(table: Table) -> Array:
    """Return each contour's mean ratings by the other readers of its nodule; nan for fewer than three readers."""
    means = np.full(table.ratings.shape, np.nan)
    drawn = table.source == CONTOUR
    for nodule in np.unique(table.nodule[drawn]):
        rows = np.flatnonzero(drawn & (table.nodule == nodule))
        if len(rows) >= LEAST_READERS:
            total = table.ratings[rows].sum(0)
            means[rows] = (total - table.ratings[rows]) / (len(rows) - 1)
    return means


def figures_of(
    table: Table,
    means: Array,
    scores: dict[str, LinearScore],
    materials: Callable[[Table, Array], Array],
) -> dict[str, Any]:
    """Return every figure of the three scores and of calcification.

    Args:
        table: All descriptions; only held-out patients are measured on.
        means: Mean ratings of each row's nodule over all its readers.
        scores: What was learned.
        materials: How features of the malignancy score are made of rows.
    """
    held = np.array([is_held_out(patient) for patient in table.patient])
    others = others_means(table)
    agreed = np.isin(table.nodule, np.unique(table.nodule[np.isfinite(others[:, 0])]))
    drawn = held & (table.source == CONTOUR) & np.isfinite(others[:, 0])
    ours = held & (table.source == OUTLINE) & agreed
    learned = ~held
    figures: dict[str, Any] = {
        "data": {
            "trained_patients": len(np.unique(table.patient[learned])),
            "trained_contours": int((learned & (table.source == CONTOUR)).sum()),
            "trained_outlines": int((learned & (table.source == OUTLINE)).sum()),
            "measured_patients": len(np.unique(table.patient[drawn])),
            "measured_nodules": len(np.unique(table.nodule[drawn])),
            "measured_contours": int(drawn.sum()),
            "measured_outlines": int(ours.sum()),
        }
    }
    for name in ("spiculation", "lobulation"):
        column = RATINGS.index(name)
        score = np.clip(scores[name](table.form), 1, 5)
        figures[name] = _ratings(
            table,
            score,
            others[:, column],
            means[:, column],
            table.ratings[:, column],
            drawn,
            ours,
            scores[name],
        )
    odds = scores["malignancy"](materials(table, np.nan_to_num(means, nan=5.0)))
    column = RATINGS.index("malignancy")
    figures["malignancy"] = _suspicion(
        table,
        1 / (1 + np.exp(-odds)),
        others[:, column],
        means[:, column],
        table.ratings[:, column],
        drawn,
        ours,
    )
    if ours.any():
        figures["calcification"] = _calcium(table)
    return figures


def _ratings(
    table: Table,
    score: Array,
    others: Array,
    means: Array,
    own: Array,
    drawn: npt.NDArray[np.bool_],
    ours: npt.NDArray[np.bool_],
    model: LinearScore,
) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for label, rows, said, truth in (
        ("contour", drawn, score, others),
        ("reader", drawn, own, others),
        ("outline", ours, score, means),
    ):
        if rows.sum() < 3:
            continue
        one, two, patients = said[rows], truth[rows], table.patient[rows]
        figures[f"{label}_n"] = int(rows.sum())
        for key, figure in (
            ("spearman", spearman),
            ("kappa", weighted_kappa),
            ("difference", mean_difference),
        ):
            figures[f"{label}_{key}"] = with_interval(
                lambda k, f=figure, a=one, b=two: f(a[k], b[k]), patients
            )
        threshold = model.threshold if label != "reader" else PRESENT_FROM
        called, there = one >= threshold, two >= PRESENT_FROM
        figures[f"{label}_present_n"] = int(there.sum())
        figures[f"{label}_present_sensitivity"] = float(called[there].mean()) if there.any() else None
        figures[f"{label}_present_precision"] = float(there[called].mean()) if called.any() else None
    figures.update(_transfer(table, score, ours))
    return figures


def _suspicion(
    table: Table,
    probability: Array,
    others: Array,
    means: Array,
    own: Array,
    drawn: npt.NDArray[np.bool_],
    ours: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for label, rows, said, truth in (
        ("contour", drawn, probability, others),
        ("reader", drawn, own, others),
        ("outline", ours, probability, means),
    ):
        rows = rows & (truth != DOUBTFUL) & np.isfinite(truth)
        if rows.sum() < 3:
            continue
        one, two, patients = said[rows], truth[rows] > DOUBTFUL, table.patient[rows]
        figures[f"{label}_n"] = int(rows.sum())
        figures[f"{label}_suspicious_n"] = int(two.sum())
        figures[f"{label}_auc"] = with_interval(lambda k, a=one, b=two: auc(a[k], b[k]), patients)
        if label != "reader":
            figures[f"{label}_calibration_error"] = with_interval(
                lambda k, a=one, b=two: calibration_error(a[k], b[k]), patients
            )
            figures[f"{label}_calibration"] = [list(step) for step in calibration(one, two)]
            large = np.exp(table.form[rows, 0])
            figures[f"{label}_auc_of_size_alone"] = with_interval(
                lambda k, a=large, b=two: auc(a[k], b[k]), patients
            )
    figures.update(_transfer(table, probability, ours))
    return figures


def _transfer(table: Table, score: Array, ours: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Compare the score of our outline with that of the very contour that was inserted."""
    drawn = {int(table.shape[k]): float(score[k]) for k in np.flatnonzero(table.source == CONTOUR)}
    rows = np.array([k for k in np.flatnonzero(ours) if int(table.shape[k]) in drawn], int)
    if len(rows) < 3:
        return {}
    as_drawn = np.array([drawn[int(table.shape[k])] for k in rows])
    return {
        "transfer_n": len(rows),
        "transfer_spearman": with_interval(
            lambda k: spearman(score[rows][k], as_drawn[k]), table.patient[rows]
        ),
        "transfer_shift": with_interval(
            lambda k: float((score[rows][k] - as_drawn[k]).mean()), table.patient[rows]
        ),
    }


def _calcium(table: Table) -> dict[str, Any]:
    """Compare calcification with the density that was inserted, in all patients: nothing of it was learned."""
    ours = (table.source == OUTLINE) & (table.ratings[:, RATINGS.index("texture")] >= 4)
    dense = ours & (table.tissue_hu > OWN_CALCIUM_HU[1])
    plain = ours & (table.tissue_hu < OWN_CALCIUM_HU[0])
    return {
        "inserted_n": [int(dense.sum()), int(plain.sum())],
        "sensitivity": with_interval(lambda k: float(table.calcified[dense][k].mean()), table.patient[dense]),
        "specificity": with_interval(
            lambda k: float((~table.calcified[plain][k]).mean()), table.patient[plain]
        ),
    }
