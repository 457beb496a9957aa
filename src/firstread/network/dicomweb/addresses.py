"""UIDs in paths, what they name in the archive, and the URLs of it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Request
from sqlalchemy import func, select

from firstread.access.accounts.cookies import is_secure
from firstread.access.gate import is_loopback
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.matching import Condition
from firstread.archive.models import Instance, Series, Study
from firstread.network.dicomweb.problems import missing

_UID = r"^[0-9]+(\.[0-9]+)*$"
Uid = Annotated[str, Path(pattern=_UID, max_length=64)]
"""A UID in a path; anything else is refused before it is used."""


@dataclass(frozen=True)
class Stored:
    """A stored instance: its UIDs, transfer syntax, file and size (bytes)."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    file: str
    size: int

    @property
    def path(self) -> str:
        """Where it is found below the service's URL."""
        return f"studies/{self.study_uid}/series/{self.series_uid}/instances/{self.sop_instance_uid}"


def stored(
    archive: Archive,
    study: str,
    series: str | None = None,
    instance: str | None = None,
    *,
    within: Condition | None,
) -> list[Stored]:
    """Return the instances of a study, a series, or one instance, by series and number.

    Args:
        archive: Where they are.
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        within: What a row of `Study` must fulfil; one that does not is not there. None: every study does.

    Raises:
        Problem: 404, there is none.
        ArchiveUnavailable: the database does not answer.
    """
    conditions: list[Any] = [Study.study_uid == study, Instance.version == 1]
    if within is not None:
        conditions.append(within)
    if series is not None:
        conditions.append(Series.series_uid == series)
    if instance is not None:
        conditions.append(Instance.sop_instance_uid == instance)
    statement = (
        select(
            Study.study_uid,
            Series.series_uid,
            Instance.sop_instance_uid,
            Instance.sop_class_uid,
            Instance.transfer_syntax_uid,
            Instance.file,
            Instance.size,
        )
        .select_from(Study)
        .join(Series, Series.study_key == Study.id)
        .join(Instance, Instance.series_key == Series.id)
        .where(*conditions)
        .order_by(Instance.series_key, func.coalesce(Instance.number, 2**31 - 1), Instance.id)
    )
    with reading(archive.engine) as connection:
        found = [Stored(*row) for row in connection.execute(statement)]
    if not found:
        raise missing()
    return found


def service_url(request: Request) -> str:
    """Return the URL of the service as the client called it, without a slash at the end.

    In front of the node may be what speaks TLS, under the name of `public_url`.
    """
    url = request.base_url
    if is_secure(request, request.app.state.settings):
        url = url.replace(scheme="https")
    server = request.scope.get("server")
    if url.port is None and server and server[1] and is_loopback(url.hostname or ""):
        # Some clients, dicomweb-client among them, leave the port out of Host.
        url = url.replace(port=server[1])
    return f"{str(url).rstrip('/')}{PREFIX}"


PREFIX = "/dicom-web"
"""Path of the service below the server's root, as OHIF and Orthanc have it."""
