"""Lung-RADS v2022 category of one nodule, at baseline and against a prior.

Sources, as lettered in the comments: (a) a page that restates the ACR table and notes
(yingbo777.com/home/lung-rads); (b) a condensed v2022 table with the ACR's note numbers; (c) open-source
implementations; (d) the v1.1 table (NBK568579); (e) ECR 2025 poster C-22137; (f) diagnosticimaging.com,
seven takeaways. The rules are restated; the table is the ACR's. For screening exams only.
"""

from typing import NamedTuple

from firstread.findings import Category
from firstread.readers.lung_nodule.categories.bands import look_up, tenth
from firstread.readers.lung_nodule.categories.facts import CystFacts, NoduleFacts, PriorFacts
from firstread.readers.lung_nodule.categories.lung_rads_tables import (
    CYST_WALL_MM,
    EARLY_MONTHS,
    GROUND_GLASS,
    JUXTAPLEURAL_MM,
    MANAGEMENT,
    PART_SOLID_MM,
    PET_MM,
    PET_OPTION,
    SCHEME,
    SOLID_BASELINE,
    SOLID_GROWING,
    SOLID_NEW,
    SOLID_PART_BASELINE,
    SOLID_PART_CHANGED,
    STEP_3_MONTHS,
    STEP_4A_MONTHS,
    VERSION,
    rank,
)


class _Verdict(NamedTuple):
    value: str
    rule: str


def lung_rads(nodule: NoduleFacts, *, prior: PriorFacts | None = None) -> Category | None:
    """Categorise a nodule by Lung-RADS v2022.

    Args:
        nodule: The nodule; its `status` says whether and how it changed.
        prior: The same nodule on the prior study, for stepped management and for sizes that cross
            a threshold.

    Returns:
        The category, or None for what the scheme does not classify: a lesion that is gone, a thin-walled
        unilocular cyst, a cyst with fluid, one of several cysts.
    """
    if nodule.status == "resolved":
        return None
    verdict = _judge(nodule, prior or PriorFacts())
    if verdict is None:
        return None
    value, rule = verdict
    # Note 14: 4X is a category of its own, reached from 3 or 4 only; a ground-glass nodule below 30 mm that
    # doubles within a year therefore stays 2 (c agrees).
    if nodule.suspicious and value in {"3", "4A", "4B"}:
        rule = f"{rule}; with {', '.join(nodule.suspicious)}, which makes category {value} a 4X"
        value = "4X"
    return Category(
        scheme=SCHEME, version=VERSION, value=value, rule=f"{rule}.", management=_management(value, nodule)
    )


def _judge(nodule: NoduleFacts, prior: PriorFacts) -> _Verdict | None:
    if nodule.proven_benign:
        return _Verdict("2", "Proven benign by diagnostic work-up")
    if nodule.attenuation == "fat":
        return _Verdict("1", "Nodule that contains fat")
    if nodule.benign_by_content:
        return _Verdict("1", f"Nodule with benign calcification ({nodule.calcification})")
    if nodule.cyst is not None:
        return _cyst(nodule, nodule.cyst, prior)
    if nodule.airway is not None:
        verdict = _airway(nodule)
        if verdict is not None:
            return verdict
    if nodule.status == "slowly growing":
        return _slowly_growing(nodule)
    if nodule.status in {"stable", "decreased"} and nodule.solid_part_change not in {"new", "growing"}:
        return _unchanged(nodule, prior)
    if nodule.status == "baseline":
        return _baseline(nodule)
    if nodule.status == "new":
        return _new(nodule)
    return _growing(nodule, prior)


def _kind(nodule: NoduleFacts) -> str:
    """Say what the tables treat the nodule as."""
    # Note 12: where the wall is the larger part, a cavity is a solid nodule of its total diameter. Calcium
    # of another or an unknown pattern is not benign by itself: judged as solid, which is the safe side.
    if nodule.cavitary or nodule.attenuation in {"calcified", "fat"}:
        return "solid"
    return nodule.attenuation


def _solid_part(nodule: NoduleFacts) -> tuple[float, str]:
    """Return the solid part's size and how the rule names it; the whole nodule bounds an unknown one."""
    if nodule.solid_part_mm is None:
        return tenth(nodule.mean_mm), f"a solid part of unknown size, at most {tenth(nodule.mean_mm)} mm"
    return tenth(nodule.solid_part_mm), f"a solid part of {tenth(nodule.solid_part_mm)} mm"


def _baseline(nodule: NoduleFacts) -> _Verdict:
    mm, kind = tenth(nodule.mean_mm), _kind(nodule)
    if _benign_juxtapleural(nodule):
        return _Verdict(
            "2",
            f"Juxtapleural solid nodule of {mm} mm, smooth and {nodule.shape}, below {JUXTAPLEURAL_MM:g} mm",
        )
    if kind == "part-solid" and mm < PART_SOLID_MM:
        return _Verdict("2", f"Part-solid nodule of {mm} mm at baseline: below {PART_SOLID_MM:g} mm in total")
    if kind == "part-solid":
        part, named = _solid_part(nodule)
        band = look_up(SOLID_PART_BASELINE, part)
        return _Verdict(band.value, f"Part-solid nodule of {mm} mm at baseline with {named}: {band}")
    band = look_up(GROUND_GLASS if kind == "ground-glass" else SOLID_BASELINE, mm)
    return _Verdict(band.value, f"{kind.capitalize()} nodule of {mm} mm at baseline: {band}")


def _benign_juxtapleural(nodule: NoduleFacts) -> bool:
    return (
        nodule.juxtapleural is True
        and nodule.smooth is True
        and nodule.shape in {"oval", "lentiform", "triangular"}
        and nodule.attenuation == "solid"
        and not nodule.cavitary
        and tenth(nodule.mean_mm) < JUXTAPLEURAL_MM
    )


def _new(nodule: NoduleFacts) -> _Verdict:
    mm, kind = tenth(nodule.mean_mm), _kind(nodule)
    if _benign_juxtapleural(nodule):
        return _Verdict("2", f"New juxtapleural solid nodule of {mm} mm, smooth and {nodule.shape}")
    if kind == "part-solid":
        # The rows overlap: "new < 6 mm total" is 3, while "new solid part" is 4A or 4B. The row that names
        # the total wins below 6 mm: a nodule of the same size that is solid throughout is 3 as well.
        if mm < PART_SOLID_MM:
            return _Verdict("3", f"New part-solid nodule of {mm} mm: below {PART_SOLID_MM:g} mm in total")
        part, named = _solid_part(nodule)
        band = look_up(SOLID_PART_CHANGED, part)
        return _Verdict(band.value, f"New part-solid nodule of {mm} mm with {named}: {band}")
    band = look_up(GROUND_GLASS if kind == "ground-glass" else SOLID_NEW, mm)
    return _Verdict(band.value, f"New {kind} nodule of {mm} mm: {band}")


def _growing(nodule: NoduleFacts, prior: PriorFacts) -> _Verdict:
    """Judge a nodule that grew, or whose solid part is new or grew."""
    mm, kind = tenth(nodule.mean_mm), _kind(nodule)
    if kind == "ground-glass":
        # Growing to 30 mm or more is named by neither (b) nor (c); (c) treats it as 3, and so does this: the
        # threshold applies to nodules that reach it (note 5).
        band = look_up(GROUND_GLASS, mm)
        return _Verdict(band.value, f"Growing ground-glass nodule, now {mm} mm: {band}")
    if kind == "part-solid":
        if nodule.solid_part_change in {"stable", "decreased"}:
            # Only the ground-glass part grew: no row names it. By size (note 5), and never below what it was.
            by_size = _baseline(nodule)
            if prior.category in {"3", "4A", "4B", "4X"} and rank(prior.category) > rank(by_size.value):
                return _Verdict(
                    prior.category, f"Part-solid nodule of {mm} mm that grew outside its solid part"
                )
            return _Verdict(by_size.value, f"{by_size.rule}; it grew outside its solid part")
        part, named = _solid_part(nodule)
        band = look_up(SOLID_PART_CHANGED, part)
        change = "new" if nodule.solid_part_change == "new" else "growing"
        return _Verdict(band.value, f"Part-solid nodule of {mm} mm with {named}, {change}: {band}")
    band = look_up(SOLID_GROWING, mm)
    return _Verdict(band.value, f"Growing {kind} nodule, now {mm} mm: {band}")


def _slowly_growing(nodule: NoduleFacts) -> _Verdict:
    mm, kind = tenth(nodule.mean_mm), _kind(nodule)
    if kind == "ground-glass":
        # Note 7: of any size, until a solid part appears.
        return _Verdict("2", f"Slowly growing ground-glass nodule of {mm} mm")
    # Note 8 says "may be classified as 4B"; a first read takes the more suspicious side.
    return _Verdict(
        "4B", f"Slowly growing {kind} nodule of {mm} mm, never by more than 1.5 mm within 12 months"
    )


def _unchanged(nodule: NoduleFacts, prior: PriorFacts) -> _Verdict:
    """Judge a nodule that is stable or smaller: stepped management, unless it crossed a threshold."""
    mm, kind = tenth(nodule.mean_mm), _kind(nodule)
    if kind == "ground-glass":
        # The row names stable nodules of 30 mm and more, so note 5 (reclassify by size) does not lift one
        # that creeps over 30 mm without growth.
        return _Verdict("2", f"Ground-glass nodule of {mm} mm, {nodule.status}")
    by_size = _baseline(nodule)
    stepped = _step(nodule, prior)
    if stepped is None:
        return _Verdict(by_size.value, f"{by_size.rule} ({nodule.status}; its earlier category is not known)")
    if nodule.status == "stable" and prior.mean_mm is not None and rank(by_size.value) > rank(stepped.value):
        # Note 5: a size that crosses into a higher category counts even without growth.
        then = _baseline(_as_then(nodule, prior))
        if rank(by_size.value) > rank(then.value):
            return _Verdict(
                by_size.value, f"{by_size.rule}, a threshold crossed since {tenth(prior.mean_mm)} mm"
            )
    return stepped


def _as_then(nodule: NoduleFacts, prior: PriorFacts) -> NoduleFacts:
    return NoduleFacts(
        attenuation=nodule.attenuation,
        mean_mm=nodule.mean_mm if prior.mean_mm is None else prior.mean_mm,
        solid_part_mm=nodule.solid_part_mm if prior.solid_part_mm is None else prior.solid_part_mm,
        juxtapleural=nodule.juxtapleural,
        smooth=nodule.smooth,
        shape=nodule.shape,
        cavitary=nodule.cavitary,
    )


def _step(nodule: NoduleFacts, prior: PriorFacts) -> _Verdict | None:
    """Apply stepped management; None when the earlier category is not known."""
    then, months = prior.category, prior.months
    if then not in {"1", "2", "3", "4A", "4B", "4X"}:
        return None
    mm = tenth(nodule.mean_mm)
    lesion = f"Lesion of {mm} mm, {nodule.status}"
    if then in {"1", "2"}:
        return _Verdict("2", f"{lesion} since category {then}")
    if then in {"4B", "4X"}:
        # No row steps these down but proof of a benign cause.
        return _Verdict(then, f"{lesion} since category {then}, not proven benign")
    due, lower = (STEP_3_MONTHS, "2") if then == "3" else (STEP_4A_MONTHS, "3")
    if months is None:
        return _Verdict(then, f"{lesion} since category {then}; the interval is not known")
    if months < due - EARLY_MONTHS:
        return _Verdict(then, f"{lesion} since category {then}, but only for {months:.1f} of {due:g} months")
    return _Verdict(lower, f"Category {then} lesion of {mm} mm, {nodule.status} at {months:.1f} months")


def _airway(nodule: NoduleFacts) -> _Verdict | None:
    """Judge a nodule in an airway; None when its size decides."""
    if nodule.airway == "subsegmental":
        if nodule.status in {"growing", "slowly growing"}:
            return None
        return _Verdict("2", f"Subsegmental airway nodule, {nodule.status}")
    if nodule.airway_air:
        return _Verdict(
            "2", "Segmental or more proximal airway abnormality with air inside, which favours mucus"
        )
    if nodule.status in {"baseline", "new"}:
        # A new one is 4A in the table's wording (b) and 4B in a TypeScript implementation (c): (b) is taken.
        return _Verdict("4A", f"Airway nodule, segmental or more proximal, {nodule.status}")
    # Persistence alone makes 4B (f); a smaller one persists too, and 4A's step down leaves out airways.
    return _Verdict("4B", f"Airway nodule, segmental or more proximal, {nodule.status} at follow-up")


def _cyst(nodule: NoduleFacts, cyst: CystFacts, prior: PriorFacts) -> _Verdict | None:
    """Judge a cyst (note 12); None for those the scheme leaves out."""
    thick = tenth(cyst.wall_mm) >= CYST_WALL_MM
    if cyst.fluid or cyst.several or not (thick or cyst.multilocular):
        return None
    if thick and cyst.wall_growing:
        return _Verdict("4B", "Thick-walled cyst whose wall or nodularity grew")
    if cyst.multilocular and cyst.became_multilocular:
        return _Verdict("4A", "Cyst that became multilocular")
    if cyst.multilocular and (cyst.cavity_growing or cyst.wall_growing):
        return _Verdict("4B", "Multilocular cyst that grew")
    if cyst.multilocular and cyst.denser:
        return _Verdict("4B", "Multilocular cyst with more loculation or opacity")
    if cyst.cavity_growing:
        return _Verdict("3", "Thick-walled cyst whose cystic part grew")
    stepped = _step(nodule, prior) if nodule.status in {"stable", "decreased"} else None
    kind = "Multilocular cyst" if cyst.multilocular else f"Thick-walled cyst (wall {tenth(cyst.wall_mm)} mm)"
    return stepped or _Verdict("4A", f"{kind}, {nodule.status}")


def _management(value: str, nodule: NoduleFacts) -> str:
    kind = _kind(nodule)
    solid_mm = nodule.mean_mm if kind == "solid" else nodule.solid_part_mm
    pet = solid_mm is not None and tenth(solid_mm) >= PET_MM and value in {"4A", "4B", "4X"}
    return f"{MANAGEMENT[value]} {PET_OPTION}" if pet else MANAGEMENT[value]
