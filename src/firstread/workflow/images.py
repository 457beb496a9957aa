"""The images of a study that are read: the first version of each, without documents and without our own results."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import ColumnElement, Connection, and_, select

from firstread.archive import OWN_SOURCE, PRIOR_SOURCE
from firstread.archive.models import Instance, Series

NOT_IMAGES = ("SEG", "SR", "PR", "KO", "DOC", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE")
"""Modalities (PS3.3 C.7.3.1.1.1) whose objects may have rows and columns and are no images to read."""


@dataclass(frozen=True)
class Images:
    """Names of the files in the archive, and the sha256 (hex) of the SOP Instance UIDs."""

    files: tuple[str, ...]
    content: str


def is_image() -> ColumnElement[bool]:
    """Return the condition that an instance, joined with its series, is an image to read."""
    return and_(Instance.version == 1, _shows_the_patient())


def _shows_the_patient() -> ColumnElement[bool]:
    return and_(
        Instance.rows.is_not(None),
        Instance.source != OWN_SOURCE,
        Series.modality.not_in(NOT_IMAGES),
    )


def sources_of(connection: Connection, study_key: int) -> tuple[str, ...]:
    """Return where the images of a study came from, other versions of them too."""
    return tuple(
        connection.execute(
            select(Instance.source)
            .distinct()
            .join(Series, Series.id == Instance.series_key)
            .where(Series.study_key == study_key, _shows_the_patient())
            .order_by(Instance.source)
        ).scalars()
    )


def was_fetched(sources: Sequence[str]) -> bool:
    """Tell from the sources of a study's images whether it is here as a prior only."""
    return set(sources) == {PRIOR_SOURCE}


def images_of(connection: Connection, study_key: int, series_uid: str = "") -> Images:
    """Return the images of a study, or of one of its series."""
    statement = (
        select(Instance.sop_instance_uid, Instance.file)
        .join(Series, Series.id == Instance.series_key)
        .where(Series.study_key == study_key, is_image())
        .order_by(Instance.sop_instance_uid)
    )
    if series_uid:
        statement = statement.where(Series.series_uid == series_uid)
    rows = connection.execute(statement).all()
    digest = sha256("\n".join(row.sop_instance_uid for row in rows).encode())
    return Images(tuple(row.file for row in rows), digest.hexdigest())
