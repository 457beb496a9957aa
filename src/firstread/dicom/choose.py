"""Which series of a study a radiologist would read."""

import re
from dataclasses import dataclass

from firstread.dicom.frames import CT_CLASSES, frames_of
from firstread.dicom.header import text
from firstread.dicom.kernel import sharpness
from firstread.dicom.quiet import quiet
from firstread.dicom.series import Series, Study
from firstread.dicom.stack import Stack, build_stack
from firstread.errors import FirstreadError, NothingReadable, RefusedInput

THICKEST_MM = 5.5
"""Slices further apart than 5 mm, and what rounding makes of it, are for the overview only."""

_LEAST_AXIAL = 0.8
"""Of the normal's component along the patient; 37° of tilt."""

_DERIVED = {
    "LOCALIZER": "a localizer",
    "MPR": "a reformation",
    "CURVED_MPR": "a reformation",
    "CSA MPR": "a reformation",
    "REFORMATTED": "a reformation",
    "MIP": "a projection",
    "MINIP": "a projection",
    "MAX_IP": "a projection",
    "MIN_IP": "a projection",
    "PROJECTION IMAGE": "a projection",
    "RENDERED": "a rendering",
    "VOLUME_RENDERED": "a rendering",
    "CSA 3D EDITOR": "a rendering",
    "SECONDARY CAPTURE": "a secondary capture",
    "SCREEN SAVE": "a secondary capture",
}
_DESCRIBED = (
    (re.compile(r"\b(scout|topogram|localizer|localiser|surview|scanogram)\b", re.I), "a localizer"),
    (re.compile(r"\b(mip|minip)\b", re.I), "a projection"),
    (re.compile(r"\b(dose report|patient protocol|screen ?save)\b", re.I), "a dose or protocol page"),
    (
        re.compile(r"\b(premonitoring|monitoring|bolus tracking|smart ?prep|test bolus)\b", re.I),
        "bolus tracking",
    ),
)
_CHEST = re.compile(r"chest|thora|lung|pulmo|torax|胸|肺|\bth\b", re.I)
_ELSEWHERE = re.compile(
    r"head|brain|skull|neck|abdom|pelv|knee|foot|ankle|hand|wrist|hip\b|sinus|spine|coron.*heart|头|颅|腹|盆",
    re.I,
)


@dataclass(frozen=True, eq=False)
class Choice:
    """The series to read.

    Attributes:
        series: The one chosen.
        reason: Why, in a sentence for the report.
        rejected: Every other series of the study, each with why not.
    """

    series: Series
    reason: str
    rejected: tuple[tuple[Series, str], ...] = ()


@dataclass(frozen=True, eq=False)
class _Candidate:
    series: Series
    stack: Stack

    @property
    def region(self) -> int:
        told = f"{self.series.body_part} {self.series.description}"
        return 2 if _CHEST.search(told) else 0 if _ELSEWHERE.search(told) else 1

    @property
    def thickness_mm(self) -> float:
        return max(self.stack.distance_mm, self.series.slice_thickness_mm or 0.0)

    @property
    def thinness(self) -> int:
        """3 up to 1.5 mm, 2 up to 2.5 mm, 1 up to 3.5 mm, else 0."""
        return sum(self.thickness_mm <= limit + 0.05 for limit in (1.5, 2.5, 3.5))


def choose_series(study: Study) -> Choice:
    """Choose the axial thin-slice CT series of the chest.

    Left aside are localizers, secondary captures, reformations, projections, other modalities and
    orientations, and series with too few or too thick slices, or with a geometry that `load_volume`
    refuses. Of what is left the order is: a chest by its header, complete coverage, thin slices, a standard
    or soft kernel before a sharp one (less noise, truer attenuation), without contrast agent before with,
    original before derived.

    Raises:
        NothingReadable: no series is a CT of the kind that is read.
        RefusedInput: one is, but it cannot be read safely. The message says why.
    """
    candidates: list[_Candidate] = []
    rejected: list[tuple[Series, str]] = []
    refused: list[RefusedInput] = []
    with quiet():
        for series in study.series:
            if why := _unsuited(series):
                rejected.append((series, why))
                continue
            try:
                stack = build_stack(frames_of(series), series_uid=series.uid)
            except FirstreadError as error:
                rejected.append((series, error.message))
                if isinstance(error, RefusedInput):
                    refused.append(error)
                continue
            if abs(stack.first.normal[2]) < _LEAST_AXIAL:
                rejected.append((series, "not axial"))
            elif stack.distance_mm > THICKEST_MM:
                why = f"slices are {stack.distance_mm:.1f} mm apart"
                rejected.append((series, why))
                refused.append(
                    RefusedInput(
                        f"Series {series.uid}: {why}; at most {THICKEST_MM} mm are read.",
                        remedy="Give a reconstruction with thinner slices.",
                    )
                )
            else:
                candidates.append(_Candidate(series, stack))
        if not candidates:
            raise _nothing(study, rejected, refused)
        return _best(candidates, rejected)


def _unsuited(series: Series) -> str:
    """Say why the series is not of the kind that is read; empty if it could be."""
    if series.number_of_images == 0:
        return f"{series.modality or 'no'} objects without images"
    classes = {instance.sop_class_uid for instance in series.instances}
    if series.modality != "CT" and not classes & CT_CLASSES:
        return f"{series.modality or 'unknown modality'}, not CT"
    if not classes & CT_CLASSES:
        return "a secondary capture"
    types = {value.upper() for value in text(series.header, "ImageType").split("\\")}
    for value, kind in _DERIVED.items():
        # A localizer may share the series with the slices; the stack leaves it out.
        if value in types and (value != "LOCALIZER" or _all_localizers(series)):
            return kind
    return next((kind for pattern, kind in _DESCRIBED if pattern.search(series.description)), "")


def _all_localizers(series: Series) -> bool:
    return all("LOCALIZER" in text(instance.header, "ImageType").upper() for instance in series.instances)


def _nothing(study: Study, rejected: list[tuple[Series, str]], refused: list[RefusedInput]) -> FirstreadError:
    if len(refused) == 1:
        return refused[0]
    named = "; ".join(f"{series.uid}: {why}" for series, why in rejected[:8])
    kind = RefusedInput if refused else NothingReadable
    return kind(
        f"Study {study.study_uid} holds no axial CT series that can be read. {named}.",
        remedy="Give an axial chest CT with slices of 5 mm or less.",
    )


def _best(candidates: list[_Candidate], rejected: list[tuple[Series, str]]) -> Choice:
    longest = max(c.stack.coverage_mm for c in candidates if c.region == max(d.region for d in candidates))

    def rank(candidate: _Candidate) -> tuple[object, ...]:
        series, stack = candidate.series, candidate.stack
        kind = sharpness(series.kernel)
        return (
            candidate.region,
            stack.coverage_mm >= 0.8 * longest,
            candidate.thinness,
            {"standard": 2, "unknown": 1, "sharp": 0}[kind],
            series.contrast is None,
            "DERIVED" not in series.image_type,
            -round(candidate.thickness_mm, 2),
            len(stack.slots),
            -(series.number or 0),
            series.uid,
        )

    ranked = sorted(candidates, key=rank, reverse=True)
    best = ranked[0]
    others = [(c.series, f"readable; {_described(c)} ranks behind the chosen one") for c in ranked[1:]]
    only = "the only" if not others else "the best suited of"
    reason = f"Chosen as {only} {'' if not others else f'{len(ranked)} '}axial CT series: {_described(best)}."
    return Choice(best.series, reason, tuple([*others, *rejected]))


def _described(candidate: _Candidate) -> str:
    series, stack = candidate.series, candidate.stack
    kernel = f"kernel {series.kernel}" if series.kernel else "kernel not named"
    agent = f"contrast agent {series.contrast}" if series.contrast else "no contrast agent named"
    slices = f"{len(stack.slots)} slices every {stack.distance_mm:.2f} mm over {stack.coverage_mm:.0f} mm"
    return f"{slices}, {kernel}, {agent}"
