"""Comparison with an earlier read: which lesion is which, and how each has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from firstread.errors import RefusedInput
from firstread.findings import Comparison, Finding, ModelUse, Prior, ReadResult, Structure
from firstread.findings.finding import Laterality, Point
from firstread.readers.lung_nodule.change import change_of, doubling_days
from firstread.readers.lung_nodule.match import Lesion, match
from firstread.readers.lung_nodule.register import (
    FARTHEST_MM,
    Box,
    LungMasks,
    Registration,
    boxes_of,
    register,
)

INSIDE_MM: Final = 5.0
"""A place this near to a lung's mask still counts as inside: juxtapleural nodules and the fit's own error."""


@dataclass(frozen=True)
class Compared:
    """Findings with their comparison, the prior they were compared with, and what the report must say.

    `prior` is None when the two could not be compared; `warnings` then says why.
    """

    findings: tuple[Finding, ...]
    prior: Prior | None
    warnings: tuple[str, ...] = ()
    registration: Registration | None = None


def compare(
    findings: Sequence[Finding],
    structures: Sequence[Structure],
    *,
    study_date: date | None,
    prior: ReadResult,
    prior_lungs: LungMasks | None = None,
    lungs: LungMasks | None = None,
    study_uid: str | None = None,
    models: Sequence[ModelUse] = (),
) -> Compared:
    """Compare the findings with those of an earlier read of the same patient.

    A matched finding takes over the tracking UID of its prior. `new` and `resolved` are only claimed where
    the other study shows that place of the lung.

    Args:
        findings: Of the current read.
        structures: Of the current read: the lungs' boxes.
        study_date: Of the current study; without it, or without the prior's, there is no interval.
        prior: The earlier read.
        prior_lungs: Lungs of the earlier read, from its segmentation; the fit is coarser without.
        lungs: Lungs of the current read.
        study_uid: Of the current study, to notice a comparison with itself.
        models: Of the current read, to notice a prior read by others.

    Raises:
        RefusedInput: the prior result holds a lesion whose place or size is impossible.
    """
    _check(prior)
    then = prior.acquisition.study_date
    days = (study_date - then).days if study_date is not None and then is not None else None
    refusal = _cannot_compare(prior, study_uid, days)
    if refusal:
        return Compared(findings=tuple(findings), prior=None, warnings=(refusal,))
    now_boxes, then_boxes = boxes_of(structures, lungs), boxes_of(prior.structures, prior_lungs)
    fit = register(now_boxes, then_boxes, current_lungs=lungs, prior_lungs=prior_lungs)
    pairs = match(
        [_lesion(f, fit) for f in findings], [_lesion(f) for f in prior.findings], method=fit.method
    )
    compared, unsure = [], []
    for index, finding in enumerate(findings):
        if index in pairs:
            partner, distance = pairs[index]
            compared.append(_matched(finding, prior.findings[partner], prior, days, distance))
        elif fit.plausible and _shown(_point(fit.to_prior(finding.center_lps_mm)), then_boxes, prior_lungs):
            compared.append(finding.model_copy(update={"comparison": _new(prior, then, days)}))
        else:
            unsure.append(finding.id)
            compared.append(finding.model_copy(update={"comparison": None}))
    gone, lost = [], 0
    taken = {partner for partner, _ in pairs.values()}
    for index, lesion in enumerate(prior.findings):
        if index in taken:
            continue
        if fit.plausible and _shown(_point(fit.to_current(lesion.center_lps_mm)), now_boxes, lungs):
            gone.append(lesion.tracking_uid)
        else:
            lost += 1
    return Compared(
        findings=tuple(compared),
        prior=Prior(study_uid=prior.study_uid, study_date=then, resolved=tuple(gone)),
        warnings=_warnings(prior, models, days, fit, unsure, lost),
        registration=fit,
    )


def _check(prior: ReadResult) -> None:
    for finding in prior.findings:
        sizes = [d.mean for d in (finding.diameter_mm, finding.solid_part_mm) if d is not None]
        numbers = np.abs([*finding.center_lps_mm, *finding.size_mm, *sizes])
        # Written so that NaN is refused too.
        if not (numbers < FARTHEST_MM).all() or min(*finding.size_mm, *sizes) < 0:
            raise RefusedInput(
                f"Finding {finding.id} of the prior result has a place or size that no lesion has.",
                remedy="Read the prior study again and compare with that result.",
            )


def _cannot_compare(prior: ReadResult, study_uid: str | None, days: int | None) -> str:
    if study_uid is not None and study_uid == prior.study_uid:
        return "Not compared: the prior result is of this very study."
    if days is not None and days < 0:
        return f"Not compared: the study given as prior is {-days} days later than this one."
    return ""


def _lesion(finding: Finding, fit: Registration | None = None) -> Lesion:
    place = fit.to_prior(finding.center_lps_mm) if fit is not None else finding.center_lps_mm
    return Lesion(
        place_mm=_point(place),
        mean_mm=finding.diameter_mm.mean if finding.diameter_mm is not None else max(finding.size_mm),
        laterality=finding.laterality,
        attenuation=finding.attenuation,
    )


def _matched(
    finding: Finding, then: Finding, prior: ReadResult, days: int | None, distance: float
) -> Finding:
    now_mm = finding.diameter_mm.mean if finding.diameter_mm is not None else None
    then_mm = then.diameter_mm.mean if then.diameter_mm is not None else None
    before = then.comparison
    first_mm, first_date = then_mm, prior.acquisition.study_date
    if before is not None and before.first_mean_mm is not None:
        first_mm, first_date = before.first_mean_mm, before.first_date
    slow = before is not None and before.change in {"stable", "slowly growing"}
    change = change_of(now_mm, then_mm, days=days, first_mm=first_mm if slow else None)
    comparison = Comparison(
        change=change,
        prior_study_uid=prior.study_uid,
        prior_tracking_uid=then.tracking_uid,
        prior_date=prior.acquisition.study_date,
        prior_mean_mm=then_mm,
        prior_volume_mm3=then.volume_mm3,
        prior_solid_part_mm=then.solid_part_mm.mean if then.solid_part_mm is not None else None,
        prior_attenuation=then.attenuation,
        prior_category=next((c.value for c in then.categories if c.scheme == "Lung-RADS"), None),
        first_mean_mm=first_mm,
        first_date=first_date,
        interval_days=days,
        growth_mm=round(now_mm - then_mm, 1) if now_mm is not None and then_mm is not None else None,
        volume_doubling_days=doubling_days(then.volume_mm3, finding.volume_mm3, days=days),
        distance_mm=round(distance, 1),
    )
    return finding.model_copy(update={"comparison": comparison, "tracking_uid": then.tracking_uid})


def compared_anew(finding: Finding) -> Finding:
    """Return a finding whose size a person has changed, compared again with what is known of the lesion then."""
    then = finding.comparison
    if then is None or then.change == "new":
        return finding
    now_mm = finding.diameter_mm.mean if finding.diameter_mm is not None else None
    slow = then.change in {"stable", "slowly growing"} and then.first_mean_mm != then.prior_mean_mm
    change = change_of(
        now_mm,
        then.prior_mean_mm,
        days=then.interval_days,
        first_mm=then.first_mean_mm if slow else None,
    )
    growth = None
    if now_mm is not None and then.prior_mean_mm is not None:
        growth = round(now_mm - then.prior_mean_mm, 1)
    doubling = doubling_days(then.prior_volume_mm3, finding.volume_mm3, days=then.interval_days)
    update = {"change": change, "growth_mm": growth, "volume_doubling_days": doubling}
    return finding.model_copy(update={"comparison": then.model_copy(update=update)})


def _new(prior: ReadResult, then: date | None, days: int | None) -> Comparison:
    return Comparison(change="new", prior_study_uid=prior.study_uid, prior_date=then, interval_days=days)


def _shown(place: Point, boxes: dict[Laterality, Box], lungs: LungMasks | None) -> bool:
    """Tell whether a place lies in a lung that a study shows."""
    if lungs is not None and lungs.masks:
        reach = [int(np.ceil(INSIDE_MM / spacing)) for spacing in lungs.geometry.spacing_mm]
        center = np.rint(lungs.geometry.to_index(place)).astype(int)
        for mask in lungs.masks.values():
            low = np.maximum(center - reach - mask.offset, 0)
            high = np.maximum(center + reach + 1 - mask.offset, 0)
            if mask.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].any():
                return True
        return False
    return any(
        all(abs(p - c) <= s / 2 for p, c, s in zip(place, center, size, strict=True))
        for center, size in boxes.values()
    )


def _point(place: object) -> Point:
    x, y, z = np.asarray(place, float)
    return float(x), float(y), float(z)


def _warnings(
    prior: ReadResult,
    models: Sequence[ModelUse],
    days: int | None,
    fit: Registration,
    unsure: Sequence[str],
    lost: int,
) -> tuple[str, ...]:
    warnings = []
    if days is None:
        warnings.append("The date of this or the prior study is missing: no interval and no doubling time.")
    elif days == 0:
        warnings.append("The prior study has the date of this one: no growth rate and no doubling time.")
    if models and {m.digest for m in models} != {m.digest for m in prior.models}:
        warnings.append(
            "The prior was read by other models: a lesion or change may be due to them, not to the patient."
        )
    if fit.method == "none":
        warnings.append(
            "The prior result and this one have no lung in common: lesions were matched in scanner "
            "coordinates, and none was called new or resolved."
        )
    elif not fit.plausible:
        warnings.append(
            "The lungs do not fit those of the prior: another patient, or another part of the chest? "
            "No lesion was called new or resolved."
        )
    elif unsure:
        warnings.append(f"The prior does not show the place of {', '.join(unsure)}: not called new.")
    if lost and fit.plausible:
        warnings.append(
            f"{lost} of the prior's lesions lie outside the lungs shown here: not called resolved."
        )
    return tuple(warnings)
