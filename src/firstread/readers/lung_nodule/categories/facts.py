"""What the category schemes ask about a nodule and a patient. Unknown stays unknown: None, never a guess."""

from dataclasses import dataclass
from typing import Literal

from firstread.findings.finding import Attenuation

Calcification = Literal["complete", "central", "popcorn", "concentric rings", "other"]
Status = Literal["baseline", "new", "stable", "growing", "slowly growing", "decreased", "resolved"]
PartChange = Literal["new", "growing", "stable", "decreased"]
Shape = Literal["oval", "lentiform", "triangular", "other"]
Airway = Literal["segmental or more proximal", "subsegmental"]
Suspicion = Literal["spiculation", "lymphadenopathy", "metastasis", "ground glass doubled within a year"]

BENIGN_CALCIFICATION: frozenset[Calcification] = frozenset(
    {"complete", "central", "popcorn", "concentric rings"}
)


@dataclass(frozen=True)
class CystFacts:
    """A pulmonary cyst, where air and not its wall is the larger part.

    Attributes:
        wall_mm: Thickest part of the wall.
        multilocular: It has inner septa now.
        became_multilocular: It had none on the prior.
        wall_growing: Its wall or a nodule of the wall grew by more than 1.5 mm.
        cavity_growing: Its mean diameter grew by more than 1.5 mm.
        denser: More loculi, or new or more opacity in or at it.
        fluid: It holds fluid.
        several: One of several cysts, as in Langerhans cell histiocytosis or lymphangioleiomyomatosis.
    """

    wall_mm: float
    multilocular: bool = False
    became_multilocular: bool = False
    wall_growing: bool = False
    cavity_growing: bool = False
    denser: bool = False
    fluid: bool = False
    several: bool = False


@dataclass(frozen=True)
class NoduleFacts:
    """One nodule as the schemes see it.

    Attributes:
        attenuation: What it is made of. `calcified` without a known benign pattern is judged as solid.
        mean_mm: Mean of long and short axis; mm.
        solid_part_mm: Mean diameter of a part-solid nodule's solid part; mm.
        volume_mm3: Volume; mm³.
        calcification: Pattern, when there is calcium and its pattern is known.
        juxtapleural: It touches pleura or a fissure.
        smooth: Its margin is smooth.
        shape: Its shape, for juxtapleural nodules.
        airway: It lies in an airway of this order.
        airway_air: The abnormality in the airway has air inside, which favours secretions.
        cyst: Set when the lesion is a cyst.
        cavitary: A cavity within a thick wall: judged as solid by its total diameter.
        suspicious: Features beyond size that raise suspicion of cancer.
        status: What comparison says; `baseline` when nothing was compared.
        growth_mm: Mean diameter now minus then; mm.
        solid_part_change: What comparison says of the solid part alone.
        proven_benign: Diagnostic work-up showed it to be benign.
    """

    attenuation: Attenuation
    mean_mm: float
    solid_part_mm: float | None = None
    volume_mm3: float | None = None
    calcification: Calcification | None = None
    juxtapleural: bool | None = None
    smooth: bool | None = None
    shape: Shape | None = None
    airway: Airway | None = None
    airway_air: bool | None = None
    cyst: CystFacts | None = None
    cavitary: bool = False
    suspicious: tuple[Suspicion, ...] = ()
    status: Status = "baseline"
    growth_mm: float | None = None
    solid_part_change: PartChange | None = None
    proven_benign: bool = False

    @property
    def benign_by_content(self) -> bool:
        """Tell whether fat or a benign pattern of calcium settles what it is."""
        return self.attenuation == "fat" or self.calcification in BENIGN_CALCIFICATION


@dataclass(frozen=True)
class PriorFacts:
    """The same nodule on the prior study.

    Attributes:
        category: Its Lung-RADS category then.
        mean_mm: Its mean diameter then; mm.
        solid_part_mm: Mean diameter of its solid part then; mm.
        months: Time between the studies.
    """

    category: str | None = None
    mean_mm: float | None = None
    solid_part_mm: float | None = None
    months: float | None = None


@dataclass(frozen=True)
class PatientFacts:
    """What images cannot tell about the patient.

    Attributes:
        age: Years.
        known_cancer: A known primary cancer.
        immunosuppressed: Immune suppression.
        screening: The study is lung-cancer screening.
        high_risk: High risk of lung cancer in the radiologist's judgement (Fleischner 2017).
    """

    age: int | None = None
    known_cancer: bool | None = None
    immunosuppressed: bool | None = None
    screening: bool | None = None
    high_risk: bool | None = None
