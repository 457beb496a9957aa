"""What a route may ask of a study and of its series.

Neither name nor identifier of the patient is among it; descriptions are as the scanner wrote them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SeriesFacts:
    """A series of images.

    An absent text is "", an absent number None. `image_type` is Image Type value by value, e.g. ("ORIGINAL",
    "PRIMARY", "AXIAL"); `images` counts the frames of multi-frame instances one by one.
    """

    series_uid: str
    modality: str = ""
    body_part: str = ""
    series_description: str = ""
    image_type: tuple[str, ...] = ()
    kernel: str = ""
    slice_thickness_mm: float | None = None
    images: int = 0


@dataclass(frozen=True)
class StudyFacts:
    """A study with its series of images; series of other objects (reports, segmentations) are not among them.

    `source` are the AE titles that its images came from. `age_years` is the patient's on the day of the study;
    `sex` M, F or O; `requested_priority` Requested Procedure Priority, e.g. STAT. `weekday` (mon … sun) and `hour`
    (0 to 23) are those of Study Date and Study Time. `prior`: every image was fetched to compare with.
    """

    study_uid: str
    source: tuple[str, ...] = ()
    institution: str = ""
    study_description: str = ""
    requested_priority: str = ""
    age_years: float | None = None
    sex: str = ""
    weekday: str = ""
    hour: int | None = None
    series: tuple[SeriesFacts, ...] = ()
    prior: bool = False
