"""What a user asks of a synthetic nodule, and the short text form of it."""

import re
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firstread.errors import UsageError
from firstread.findings.finding import Attenuation, Laterality, Point, Zone

Site = Literal["parenchymal", "juxtapleural", "perivascular", "perifissural"]
Margin = Literal["smooth", "lobulated", "spiculated"]

SMALLEST_MM, LARGEST_MM = 2.0, 60.0
EXAMPLE = "8mm:solid,12mm:ground-glass:juxtapleural,20mm:part-solid/8"


class NoduleSpec(BaseModel):
    """One nodule to place.

    Attributes:
        diameter_mm: Mean of long and short axis on the axial section where the nodule is largest.
        attenuation: What it is made of.
        solid_part_mm: Mean diameter of the solid core; part-solid only, 40 % of the diameter if None.
        site: What it lies against.
        margin: Outline; spicules are drawn outside the measured diameter.
        side: Lung to place it in; None lets the seed choose.
        zone: Third of the lung's height to place it in; None lets the seed choose.
        center_lps_mm: Exact centre; None lets the seed choose. Site, side and zone are then not searched for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    diameter_mm: float = Field(ge=SMALLEST_MM, le=LARGEST_MM)
    attenuation: Attenuation = "solid"
    solid_part_mm: float | None = Field(default=None, gt=0)
    site: Site = "parenchymal"
    margin: Margin = "smooth"
    side: Laterality | None = None
    zone: Zone | None = None
    center_lps_mm: Point | None = None

    @model_validator(mode="after")
    def _solid_part_fits(self) -> "NoduleSpec":
        if self.solid_part_mm is None:
            return self
        if self.attenuation != "part-solid":
            raise ValueError("only a part-solid nodule has a solid part")
        if self.solid_part_mm > 0.8 * self.diameter_mm:
            raise ValueError("the solid part may be at most 80 % of the diameter")
        return self

    @property
    def core_mm(self) -> float | None:
        """Mean diameter of the solid core, defaulted; None unless part-solid."""
        if self.attenuation != "part-solid":
            return None
        return self.solid_part_mm or round(0.4 * self.diameter_mm, 1)

    def __str__(self) -> str:
        words = [f"{self.diameter_mm:g}mm", self.attenuation]
        if self.attenuation == "part-solid":
            words[1] += f"/{self.core_mm:g}"
        words += [word for word in (self.site, self.margin, self.side, self.zone) if word]
        return ":".join(word for word in words if word not in ("parenchymal", "smooth"))


DEFAULT_NODULES = (
    NoduleSpec(diameter_mm=6, attenuation="solid"),
    NoduleSpec(diameter_mm=9, attenuation="solid", site="juxtapleural"),
    NoduleSpec(diameter_mm=14, attenuation="part-solid", solid_part_mm=6, margin="lobulated"),
    NoduleSpec(diameter_mm=18, attenuation="ground-glass"),
)
"""What `firstread phantom` places when nothing else is asked for."""

_WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "attenuation": ("a type", get_args(Attenuation)),
    "site": ("a site", get_args(Site)),
    "margin": ("a margin", get_args(Margin)),
    "side": ("a side", get_args(Laterality)),
    "zone": ("a zone", get_args(Zone)),
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:mm)?", re.ASCII)


def parse_nodules(text: str) -> tuple[NoduleSpec, ...]:
    """Read nodules from text such as `8mm:solid,12mm:ground-glass:juxtapleural,20mm:part-solid/8`.

    Nodules are separated by commas, their words by colons: the mean diameter first, then in any order
    type (part-solid may carry `/` and the diameter of its solid part), site, margin, side, zone.

    Raises:
        UsageError: a nodule cannot be understood; the message quotes it.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError("The nodule list is empty.", remedy=f"Write for example: {EXAMPLE}")
    return tuple(_parse_one(part) for part in parts)


def _parse_one(text: str) -> NoduleSpec:
    size, *words = [word.strip().lower() for word in text.split(":")]
    matched = _SIZE.fullmatch(size)
    if not matched:
        raise UsageError(
            f"Nodule {text!r} does not start with a diameter.",
            remedy=f"Write the size first, for example: {EXAMPLE}",
        )
    fields: dict[str, str | float] = {"diameter_mm": float(matched[1])}
    for word in words:
        word, _, core = word.partition("/")
        name = next((name for name, (_, allowed) in _WORDS.items() if word in allowed), None)
        if name is None:
            known = "; ".join(f"{what}: {', '.join(allowed)}" for what, allowed in _WORDS.values())
            raise UsageError(
                f"Nodule {text!r}: {word!r} is not a word known here.", remedy=f"Known are {known}."
            )
        if name in fields:
            raise UsageError(f"Nodule {text!r} names {_WORDS[name][0]} twice.", remedy="Keep one of them.")
        fields[name] = word
        if core:
            core_size = _SIZE.fullmatch(core)
            if not core_size or word != "part-solid":
                raise UsageError(
                    f"Nodule {text!r}: {core!r} after the slash is not understood.",
                    remedy="Only part-solid takes the diameter of its solid part, as in 20mm:part-solid/8.",
                )
            fields["solid_part_mm"] = float(core_size[1])
    try:
        return NoduleSpec.model_validate(fields)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(
            f"Nodule {text!r}: {reason}.",
            remedy=f"Diameters from {SMALLEST_MM:g} to {LARGEST_MM:g} mm can be drawn.",
        ) from None


def drawn_nodules(count: int, seed: int) -> tuple[NoduleSpec, ...]:
    """Draw a mixture of nodules such as screening finds; the same for the same count and seed."""
    import numpy as np

    rng = np.random.default_rng([seed, 7])
    kinds: Sequence[Attenuation] = get_args(Attenuation)
    specs = []
    for _ in range(count):
        attenuation = kinds[int(rng.choice(5, p=[0.55, 0.17, 0.17, 0.08, 0.03]))]
        smallest = 7.0 if attenuation in ("part-solid", "ground-glass") else 4.0
        diameter = float(np.round(min(smallest + rng.gamma(1.6, 3.0), 30.0), 1))
        specs.append(
            NoduleSpec(
                diameter_mm=diameter,
                attenuation=attenuation,
                site=get_args(Site)[int(rng.choice(4, p=[0.5, 0.25, 0.15, 0.1]))],
                margin=get_args(Margin)[int(rng.choice(3, p=[0.6, 0.25, 0.15]))]
                if diameter >= 8
                else "smooth",
            )
        )
    return tuple(specs)
