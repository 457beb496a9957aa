"""What a person changes of the reader's findings, and the categories that follow from it."""

import math
from collections.abc import Sequence
from typing import get_args

from firstread.findings import Axes, Diameters, Finding, ReadResult
from firstread.findings.concepts import MASS, NODULE
from firstread.findings.finding import Attenuation, Laterality, Lobe, Point
from firstread.readers.lung_nodule.assess import Scheme, categorise
from firstread.readers.lung_nodule.compare import compared_anew
from firstread.readers.lung_nodule.describe import MASS_MM


def changed(
    finding: Finding,
    *,
    long_mm: float | None = None,
    short_mm: float | None = None,
    axes_lps_mm: Axes | None = None,
    attenuation: Attenuation | None = None,
    solid_long_mm: float | None = None,
    solid_short_mm: float | None = None,
    laterality: Laterality | None = None,
    lobe: Lobe | None = None,
) -> Finding:
    """Return a finding as a person sees it; None leaves what is there.

    Where the size is another, the volume and the doubling time go: nobody measured them. A lobe decides the side, and
    another side without a lobe takes the lobe away. Axes decide the diameters unless those are given too.
    """
    update: dict[str, object] = {}
    size = _size(finding, long_mm, short_mm, axes_lps_mm)
    if size is not None and size != finding.diameter_mm:
        update |= {"diameter_mm": size, "volume_mm3": None, "axes_lps_mm": axes_lps_mm}
        if finding.concept in (NODULE, MASS):
            update["concept"] = MASS if size.mean > MASS_MM else NODULE
    elif axes_lps_mm is not None:
        update["axes_lps_mm"] = axes_lps_mm
    kind = attenuation or finding.attenuation
    if attenuation is not None:
        update["attenuation"] = attenuation
    update["solid_part_mm"] = (
        _diameters(finding.solid_part_mm, solid_long_mm, solid_short_mm) if kind == "part-solid" else None
    )
    if lobe is not None:
        update |= {"lobe": lobe, "laterality": lobe.partition(" ")[0]}
    elif laterality is not None and laterality != finding.laterality:
        update |= {"laterality": laterality, "lobe": None}
    done = finding.model_copy(update=update)
    return compared_anew(done) if "diameter_mm" in update else done


def categorised_anew(result: ReadResult, findings: Sequence[Finding]) -> ReadResult:
    """Return the result with these findings in place of its own, each categorised by what it says now.

    The scheme that led the result leads still.
    """
    leading = result.category.scheme if result.category is not None else None
    scheme: Scheme = next((name for name in get_args(Scheme) if name == leading), "Lung-RADS")
    done = categorise(findings, leading=scheme)
    return result.model_copy(
        update={
            "findings": done.findings,
            "category": done.study[0] if done.study else None,
            "categories": done.study,
        }
    )


def is_of_its_schemes(result: ReadResult) -> bool:
    """Tell whether a result's categories are of the schemes that this reader knows."""
    known = set(get_args(Scheme))
    return bool(result.categories) and all(category.scheme in known for category in result.categories)


def _size(
    finding: Finding, long_mm: float | None, short_mm: float | None, axes: Axes | None
) -> Diameters | None:
    if axes is not None:
        long_mm = long_mm if long_mm is not None else _length(axes.long)
        short_mm = short_mm if short_mm is not None else _length(axes.short)
    return _diameters(finding.diameter_mm, long_mm, short_mm)


def _diameters(given: Diameters | None, long_mm: float | None, short_mm: float | None) -> Diameters | None:
    """Return the diameters with what is new of them; None where one of the two is not known."""
    if long_mm is None and short_mm is None:
        return given
    if given is not None:
        long_mm = long_mm if long_mm is not None else given.long
        short_mm = short_mm if short_mm is not None else given.short
    if long_mm is None or short_mm is None:
        return given
    low, high = sorted((round(long_mm, 1), round(short_mm, 1)))
    return Diameters(long=high, short=low, mean=round((high + low) / 2, 1))


def _length(ends: tuple[Point, Point]) -> float:
    return math.dist(*ends)
