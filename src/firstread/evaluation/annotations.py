"""What readers marked, from the two kinds of file that are read: annotations.json and LUNA16's CSV."""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstread.errors import UsageError
from firstread.evaluation.marks import Mark, Nodule, Point, merge

ANNOTATIONS_JSON = "annotations.json"
LARGEST_BYTES = 64 * 2**20
"""LUNA16's longest list is a hundredth of it."""
UNKNOWN_SIZE_MM = 10.0
"""Diameter of an excluded place without one, as in LUNA16's evaluation script."""
_REMEDY = "docs/how-to/evaluate.md describes the file."

Millimetres = Annotated[float, Field(gt=0, le=500)]
Coordinate = Annotated[float, Field(ge=-1e5, le=1e5)]
Triple = tuple[Coordinate, Coordinate, Coordinate]
Rating = Annotated[float, Field(ge=1, le=6)]


@dataclass(frozen=True)
class Truth:
    """What is known of one series.

    Attributes:
        nodules: What readers marked.
        ignored: Centre (LPS mm) and diameter (mm) of places that count neither way.
        series_uid: The series that was marked; None leaves the choice to the reader.
        patient: Groups the series of one patient; empty where it is not told.
    """

    nodules: tuple[Nodule, ...] = ()
    ignored: tuple[tuple[Point, float], ...] = ()
    series_uid: str | None = None
    patient: str = ""


class _Table(BaseModel):
    # Other keys may stand there: they are for other programs.
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Mark(_Table):
    center_lps_mm: Triple
    long_diameter_mm: Millimetres
    short_diameter_mm: Millimetres | None = None
    size_mm: tuple[Millimetres, Millimetres, Millimetres] | None = None
    volume_mm3: Annotated[float, Field(ge=0, le=1e8)] | None = None
    reader: str | None = None
    subtlety: Rating | None = None
    internal_structure: Rating | None = None
    calcification: Rating | None = None
    sphericity: Rating | None = None
    margin: Rating | None = None
    lobulation: Rating | None = None
    spiculation: Rating | None = None
    texture: Rating | None = None
    malignancy: Rating | None = None

    def mark(self) -> Mark:
        named = {name: getattr(self, name) for name in RATINGS}
        return Mark(
            center_lps_mm=self.center_lps_mm,
            long_mm=self.long_diameter_mm,
            short_mm=self.short_diameter_mm,
            box_mm=self.size_mm,
            volume_mm3=self.volume_mm3 or None,
            ratings={name: float(value) for name, value in named.items() if value is not None},
            reader=self.reader,
        )


class _File(_Table):
    readers_annotations: tuple[_Mark, ...]
    series_uid: str | None = None
    patient: str = ""


RATINGS = tuple(name for name, field in _Mark.model_fields.items() if field.annotation == Rating | None)
"""LIDC-IDRI's (Armato et al. 2011, doi 10.1118/1.3528204)."""


def read_annotations(path: Path) -> Truth:
    """Read an annotations.json: every reader's mark of one series.

    Raises:
        UsageError: the file is missing or is not what docs/how-to/evaluate.md describes; the message says where.
    """
    try:
        told = _File.model_validate_json(_text(path))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"{path} cannot be used: {place}: {first['msg']}.", remedy=_REMEDY) from None
    nodules = merge([mark.mark() for mark in told.readers_annotations])
    return Truth(nodules=nodules, series_uid=told.series_uid or None, patient=told.patient)


def read_luna16(path: Path, *, excluded: Path | None = None) -> Mapping[str, Truth]:
    """Read LUNA16's lists: columns seriesuid, coordX, coordY, coordZ, diameter_mm; any order, others ignored.

    Args:
        path: annotations.csv, the nodules that at least three readers marked; world coordinates are LPS mm.
        excluded: annotations_excluded.csv, the places that count neither way.

    Returns:
        What is known, by Series Instance UID. A series without a row in `path` is not in it, unless `excluded` has it.

    Raises:
        UsageError: a file is missing or is not such a list; the message names the line.
    """
    nodules: dict[str, list[Nodule]] = defaultdict(list)
    ignored = read_excluded(excluded) if excluded else {}
    for line, uid, place, diameter_mm in _rows(path):
        if diameter_mm <= 0:
            raise UsageError(f"{path}, line {line}: diameter_mm must be above 0.", remedy=_REMEDY)
        nodules[uid].append(Nodule(place, diameter_mm, None))
    return {
        uid: Truth(nodules=tuple(nodules[uid]), ignored=ignored.get(uid, ()), series_uid=uid)
        for uid in sorted({*nodules, *ignored})
    }


def read_excluded(path: Path) -> Mapping[str, tuple[tuple[Point, float], ...]]:
    """Read LUNA16's annotations_excluded.csv: by Series Instance UID, the places that count neither way.

    They are what fewer than three readers marked, what readers saw below 3 mm, and what they marked as no nodule.

    Returns:
        Centres (LPS mm) and diameters (mm; `UNKNOWN_SIZE_MM` where the list has none).

    Raises:
        UsageError: the file is missing or is not such a list; the message names the line.
    """
    ignored: dict[str, list[tuple[Point, float]]] = defaultdict(list)
    for _, uid, place, diameter_mm in _rows(path):
        ignored[uid].append((place, diameter_mm if diameter_mm > 0 else UNKNOWN_SIZE_MM))
    return {uid: tuple(places) for uid, places in ignored.items()}


def _rows(path: Path) -> list[tuple[int, str, Point, float]]:
    columns = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm")
    reader = csv.DictReader(_text(path).splitlines())
    if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
        raise UsageError(f"{path} has no column {missing[0]} in its first line.", remedy=_REMEDY)
    rows = []
    for line, row in enumerate(reader, start=2):
        try:
            x, y, z, diameter_mm = (float(row[name]) for name in columns[1:])
        except (TypeError, ValueError):
            raise UsageError(
                f"{path}, line {line}: a number is missing or is none.", remedy=_REMEDY
            ) from None
        if not all(map(math.isfinite, (x, y, z, diameter_mm))) or not row["seriesuid"].strip():
            raise UsageError(f"{path}, line {line}: a value cannot be used.", remedy=_REMEDY)
        rows.append((line, row["seriesuid"].strip(), (x, y, z), diameter_mm))
    return rows


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{path} is larger than any list of annotations.", remedy=_REMEDY)
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}.", remedy=_REMEDY) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text in UTF-8.", remedy=_REMEDY) from None
