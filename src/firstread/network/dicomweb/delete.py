"""Deleting studies, series and instances (not in PS3.18, but as DICOMweb servers and clients have it)."""

from fastapi import APIRouter
from fastapi.responses import Response

from firstread.archive import Archive
from firstread.archive.removing import remove
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import RESPONSES, missing

router = APIRouter(tags=["delete"], responses=RESPONSES)


@router.delete("/studies/{study}", status_code=204)
def delete_study(archive: OpenArchive, study: Uid) -> Response:
    """Delete a study with everything that is kept of it."""
    return _delete(archive, study)


@router.delete("/studies/{study}/series/{series}", status_code=204)
def delete_series(archive: OpenArchive, study: Uid, series: Uid) -> Response:
    """Delete a series."""
    return _delete(archive, study, series)


@router.delete("/studies/{study}/series/{series}/instances/{instance}", status_code=204)
def delete_instance(archive: OpenArchive, study: Uid, series: Uid, instance: Uid) -> Response:
    """Delete an instance with all its versions."""
    return _delete(archive, study, series, instance)


def _delete(archive: Archive, *uids: str) -> Response:
    if remove(archive, *uids) is None:
        raise missing()
    return Response(status_code=204)
