"""Deleting studies, series and instances (not in PS3.18, but as DICOMweb servers and clients have it)."""

from fastapi import APIRouter
from fastapi.responses import Response

from firstread.access import Grant
from firstread.access.audit.deleted import deletion_by
from firstread.archive import Archive
from firstread.archive.removing import remove
from firstread.network.dicomweb.access import MayDelete, OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import RESPONSES, missing

router = APIRouter(tags=["delete"], responses=RESPONSES)


@router.delete("/studies/{study}", status_code=204)
def delete_study(archive: OpenArchive, grant: MayDelete, study: Uid) -> Response:
    """Delete a study with everything that is kept of it."""
    return _delete(archive, grant, study)


@router.delete("/studies/{study}/series/{series}", status_code=204)
def delete_series(archive: OpenArchive, grant: MayDelete, study: Uid, series: Uid) -> Response:
    """Delete a series."""
    return _delete(archive, grant, study, series)


@router.delete("/studies/{study}/series/{series}/instances/{instance}", status_code=204)
def delete_instance(
    archive: OpenArchive, grant: MayDelete, study: Uid, series: Uid, instance: Uid
) -> Response:
    """Delete an instance with all its versions."""
    return _delete(archive, grant, study, series, instance)


def _delete(archive: Archive, grant: Grant, *uids: str) -> Response:
    told = deletion_by(grant.actor, level=("study", "series", "instance")[len(uids) - 1])
    if remove(archive, *uids, within=grant.within, told=told) is None:
        raise missing()
    return Response(status_code=204)
