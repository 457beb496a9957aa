"""Calcification, spiculation, lobulation and how suspicious readers would find a nodule.

The three scores are linear in the numbers of `shape`, with coefficients learned from readers' ratings of real
nodules (training/lung_nodule/train_attributes.py). They are kept in `attributes.toml` beside this module
together with the data, its licence and how well they agree with readers. Research scores: they repeat what
readers say of a nodule's form, and know nothing of pathology.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.findings import Attribute, Mask, Measurement
from firstread.findings.concepts import (
    ABSENT,
    CALCIFICATION,
    LOBULATION,
    LOBULATION_SCORE,
    MALIGNANCY_SCORE,
    PRESENT,
    SPICULATION,
    SPICULATION_SCORE,
)
from firstread.findings.finding import Attenuation
from firstread.readers.lung_nodule.calcification import calcification_of
from firstread.readers.lung_nodule.shape import FEATURES, shape_features

Floats = npt.NDArray[np.float64]

RATINGS = (1.0, 5.0)
"""Range of a reader's rating."""
MOST_DEVIATIONS = 3.5
"""A feature further from its mean in training is taken as this far."""
MATERIALS = ("ground_glass", "part_solid", "calcified")
"""What malignancy depends on beside form: 0 or 1 each."""
SQUARED = "log_diameter_squared"
"""For malignancy: it rises with size up to a point."""
TYPICAL_LOG_DIAMETER = float(np.log(9.0))
"""About the middle of the sizes in training (mm); the square is taken from there."""
METHOD = "learned from readers' ratings, research score"


@dataclass(frozen=True)
class LinearScore:
    """A score that is linear in standardised features.

    Attributes:
        features: Their names, in the order of the coefficients.
        mean: What is subtracted from each.
        scale: What each is then divided by.
        coefficients: What each is then multiplied by.
        intercept: What is added.
        threshold: From this on the attribute is said to be present; None for one that is only a number.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    threshold: float | None = None

    def __call__(self, values: npt.ArrayLike) -> Floats:
        """Return the score of features (..., n)."""
        standard = (np.asarray(values, float) - self.mean) / self.scale
        score: Floats = np.clip(standard, -MOST_DEVIATIONS, MOST_DEVIATIONS) @ np.array(self.coefficients)
        return score + self.intercept


@dataclass(frozen=True)
class AttributeModel:
    """What `attributes.toml` holds.

    Attributes:
        version: Of the coefficients.
        spiculation: Rating of spiculation, before it is limited to 1 to 5.
        lobulation: The same of lobulation.
        malignancy: Log odds that readers would on average call the nodule rather suspicious than not.
    """

    version: str
    spiculation: LinearScore
    lobulation: LinearScore
    malignancy: LinearScore


@dataclass(frozen=True)
class NoduleAttributes:
    """What is said of a nodule beside its size and place.

    Attributes:
        calcified: Whether it holds calcium.
        calcified_share: Share of its volume that calcium fills, 0 to 1.
        spiculation: 1 none to 5 marked, as a reader would rate it.
        lobulation: 1 none to 5 marked, as a reader would rate it.
        malignancy: 0 to 1: how likely readers' mean rating is above "indeterminate". No probability of cancer.
        spiculated: Whether spiculation is to be called present.
        lobulated: Whether lobulation is to be called present.
    """

    calcified: bool
    calcified_share: float
    spiculation: float
    lobulation: float
    malignancy: float
    spiculated: bool
    lobulated: bool

    @property
    def coded(self) -> tuple[Attribute, ...]:
        """The properties as coded concepts, each present or absent."""
        said = (
            (CALCIFICATION, self.calcified),
            (SPICULATION, self.spiculated),
            (LOBULATION, self.lobulated),
        )
        return tuple(
            Attribute(concept=concept, value=PRESENT if there else ABSENT) for concept, there in said
        )

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The scores as measurements."""
        scores = (
            (SPICULATION_SCORE, self.spiculation),
            (LOBULATION_SCORE, self.lobulation),
            (MALIGNANCY_SCORE, self.malignancy),
        )
        return tuple(
            Measurement(concept=concept, value=value, unit="{score}", method=METHOD)
            for concept, value in scores
        )


def attributes_of(volume: Volume, mask: Mask, attenuation: Attenuation) -> NoduleAttributes:
    """Describe an outlined nodule.

    Args:
        volume: The series.
        mask: The nodule on its grid.
        attenuation: What `attenuation_of` says of it.

    Raises:
        ValueError: the mask is empty.
    """
    calcification = calcification_of(volume, mask)
    form = shape_features(mask.voxels, volume.geometry.spacing_mm)
    model = attribute_model()
    spiculation = float(np.clip(model.spiculation(form), *RATINGS))
    lobulation = float(np.clip(model.lobulation(form), *RATINGS))
    calcified = attenuation == "calcified" or calcification.present
    odds = model.malignancy(
        malignancy_features(
            form,
            ground_glass=attenuation == "ground-glass",
            part_solid=attenuation == "part-solid",
            calcified=calcified,
        )
    )
    return NoduleAttributes(
        calcified=calcified,
        calcified_share=calcification.share,
        spiculation=round(spiculation, 1),
        lobulation=round(lobulation, 1),
        malignancy=round(float(1 / (1 + np.exp(-odds))), 2),
        spiculated=model.spiculation.threshold is not None and spiculation >= model.spiculation.threshold,
        lobulated=model.lobulation.threshold is not None and lobulation >= model.lobulation.threshold,
    )


def malignancy_features(
    form: npt.ArrayLike, *, ground_glass: bool, part_solid: bool, calcified: bool
) -> Floats:
    """Join form and material to what the malignancy score is linear in.

    Args:
        form: `shape_features` of the nodule.
        ground_glass: Whether it is pure ground glass.
        part_solid: Whether it is part-solid.
        calcified: Whether it holds calcium.
    """
    form = np.asarray(form, float)
    size = form[FEATURES.index("log_diameter")] - TYPICAL_LOG_DIAMETER
    return np.concatenate([form, [size**2, ground_glass, part_solid, calcified]])


@cache
def attribute_model() -> AttributeModel:
    """Return the coefficients that ship with the package; read once."""
    text = (files("firstread.readers.lung_nodule") / "attributes.toml").read_text(encoding="utf-8")
    return parse_model(text)


def parse_model(text: str) -> AttributeModel:
    """Read coefficients as `training/lung_nodule/train_attributes.py` writes them.

    Raises:
        ValueError: a score is not of the features of this version.
    """
    table = tomllib.loads(text)
    scores = {}
    for name in ("spiculation", "lobulation", "malignancy"):
        given = table[name]
        wanted = FEATURES if name != "malignancy" else (*FEATURES, SQUARED, *MATERIALS)
        if tuple(given["features"]) != wanted:
            raise ValueError(f"attributes.toml: the {name} score is of other features than this version has")
        scores[name] = LinearScore(
            features=wanted,
            mean=tuple(given["mean"]),
            scale=tuple(given["scale"]),
            coefficients=tuple(given["coefficients"]),
            intercept=given["intercept"],
            threshold=given.get("threshold"),
        )
    return AttributeModel(version=str(table["version"]), **scores)
