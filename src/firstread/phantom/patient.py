"""Who the phantom is: the few numbers that make one person differ from another."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Patient:
    """A build.

    Attributes:
        sex: F or M, as DICOM writes it.
        age_years: Age; older ones have more curved spines and calcified rib cartilage.
        lung_height_mm: From the level of the lower lung border in front to the apex.
        width: Scale of the chest's left-right extent; 1.0 is 266 mm between the ribs.
        depth: Scale of the chest's front-back extent.
        fat_mm: Thickness of the fat under the skin.
        muscle: Scale of the muscle on the chest wall.
        heart: Scale of the heart.
        contrast: Whether the blood is enhanced.
    """

    sex: Literal["F", "M"] = "M"
    age_years: int = 60
    lung_height_mm: float = 225.0
    width: float = 1.0
    depth: float = 1.0
    fat_mm: float = 12.0
    muscle: float = 1.0
    heart: float = 1.0
    contrast: bool = False


def draw_patient(rng: np.random.Generator) -> Patient:
    """Draw a build from the range of adults who are screened for lung cancer."""
    sex: Literal["F", "M"] = "F" if rng.random() < 0.5 else "M"
    small = 0.94 if sex == "F" else 1.02
    stature = small * rng.normal(1.0, 0.05)
    return Patient(
        sex=sex,
        age_years=int(rng.integers(50, 80)),
        lung_height_mm=float(np.clip(225 * stature * rng.normal(1, 0.04), 180, 270)),
        width=float(np.clip(stature * rng.normal(0.99, 0.035), 0.84, 1.10)),
        depth=float(np.clip(stature * rng.normal(1.0, 0.07), 0.80, 1.18)),
        fat_mm=float(np.clip(rng.gamma(5.0, 2.4), 4, 26)),
        muscle=float(np.clip(small * rng.normal(1, 0.12), 0.7, 1.3)),
        heart=float(np.clip(stature * rng.normal(0.98, 0.06), 0.82, 1.16)),
    )
