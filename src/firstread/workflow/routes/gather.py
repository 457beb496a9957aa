"""What routes ask of a study, out of the archive or a folder: from one header a series."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset
from sqlalchemy import func, select

from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.matching import Condition
from firstread.archive.models import Instance, Series, Study
from firstread.dicom import header as of
from firstread.dicom.frames import first_frame_groups
from firstread.dicom.series import Study as OpenStudy
from firstread.errors import UsageError
from firstread.workflow.images import NOT_IMAGES, is_image, sources_of, was_fetched
from firstread.workflow.routes.facts import SeriesFacts, StudyFacts
from firstread.workflow.routes.route import WEEKDAYS
from firstread.workflow.stored_header import stored_header

_TYPES = ("FrameType", "ImageType")
_LAST = 2**31 - 1


@dataclass(frozen=True)
class _Sample:
    """A series by one of its headers."""

    series_uid: str
    header: Dataset
    images: int


def facts_of(archive: Archive, study_uid: str, *, within: Condition | None = None) -> StudyFacts:
    """Return what routes may ask of a study of the archive; firstread's own results in it do not count.

    Raises:
        UsageError: the archive has no such study that fulfils `within`, a condition on `Study`.
        ArchiveUnavailable: the database or a disk does not answer: try again.
    """
    with reading(archive.engine) as connection:
        asked = [Study.study_uid == study_uid, *([] if within is None else [within])]
        known = connection.execute(select(Study.id).where(*asked)).scalar_one_or_none()
        if known is None:
            raise UsageError(
                "The archive has no such study.", remedy="`firstread archive list` says what it has."
            )
        stored = connection.execute(
            select(Series.series_uid, Instance.file, Instance.frames)
            .join(Series, Series.id == Instance.series_key)
            .where(Series.study_key == known, is_image())
            .order_by(
                func.coalesce(Series.number, _LAST),
                Series.series_uid,
                func.coalesce(Instance.number, _LAST),
                Instance.id,
            )
        ).all()
        sources = sources_of(connection, known)
    files: dict[str, list[str]] = {}
    images: dict[str, int] = {}
    for row in stored:
        files.setdefault(row.series_uid, []).append(row.file)
        images[row.series_uid] = images.get(row.series_uid, 0) + max(1, row.frames or 1)
    samples = [_Sample(uid, stored_header(archive, names), images[uid]) for uid, names in files.items()]
    return _facts(study_uid, samples, sources, prior=was_fetched(sources))


def facts_of_folder(study: OpenStudy, *, source: str = "") -> StudyFacts:
    """Return what routes may ask of a study that is not in the archive, as if it had come from an AE title."""
    samples = [
        _Sample(series.uid, series.instances[len(series.instances) // 2].header, series.number_of_images)
        for series in study.series
        if series.modality not in NOT_IMAGES and series.number_of_images
    ]
    return _facts(study.study_uid, samples, (source,) if source else ())


def _facts(
    study_uid: str, samples: Sequence[_Sample], sources: tuple[str, ...], *, prior: bool = False
) -> StudyFacts:
    header = next((sample.header for sample in samples if len(sample.header)), Dataset())
    day = _date(header, "StudyDate")
    return StudyFacts(
        study_uid=study_uid,
        source=sources,
        institution=of.text(header, "InstitutionName"),
        study_description=of.text(header, "StudyDescription"),
        requested_priority=of.text(header, "RequestedProcedurePriority"),
        age_years=_age_years(header, day),
        sex=of.text(header, "PatientSex"),
        weekday=WEEKDAYS[day.weekday()] if day else "",
        hour=_hour(of.text(header, "StudyTime")),
        series=tuple(_of_series(sample) for sample in samples),
        prior=prior,
    )


def _of_series(sample: _Sample) -> SeriesFacts:
    places = first_frame_groups(sample.header)
    thickness = next((v for place in places if (v := of.number(place, "SliceThickness")) is not None), None)
    return SeriesFacts(
        series_uid=sample.series_uid,
        modality=of.text(sample.header, "Modality"),
        body_part=of.text(sample.header, "BodyPartExamined"),
        series_description=of.text(sample.header, "SeriesDescription"),
        image_type=next((t for place in places for k in _TYPES if (t := of.texts(place, k))), ()),
        kernel=next((k for place in places if (k := of.text(place, "ConvolutionKernel"))), ""),
        slice_thickness_mm=thickness,
        images=sample.images,
    )


def _age_years(header: Dataset, day: date | None) -> float | None:
    """Return the age on the day of the study, from the birth date, or else as it is written (PS3.5 section 6.2, AS)."""
    born = _date(header, "PatientBirthDate")
    if born and day and born <= day:
        return float(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))
    written = of.text(header, "PatientAge")
    number, unit = written[:-1], written[-1:].upper()
    if not (number.isascii() and number.isdigit()) or unit not in _A_YEAR:
        return None
    return float(math.floor(int(number) / _A_YEAR[unit]))


_A_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}


def _date(header: Dataset, keyword: str) -> date | None:
    value = of.text(header, keyword).replace(".", "")
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:8])) if len(value) == 8 else None
    except ValueError:
        return None


def _hour(time: str) -> int | None:
    hour = time[:2]
    return int(hour) if len(hour) == 2 and hour.isascii() and hour.isdigit() and int(hour) < 24 else None
