"""What the routes of the service are given: the archive, and what the caller may do."""

from typing import Annotated, Any

from fastapi import Depends, Request

from firstread.access import Action, Grant, needs
from firstread.archive import Archive


def _archive(request: Request) -> Archive:
    archive: Any = request.app.state.archive
    assert isinstance(archive, Archive)
    return archive


OpenArchive = Annotated[Archive, Depends(_archive)]
"""The app's archive, as a parameter of a route."""

MayRead = Annotated[Grant, Depends(needs(Action.READ_STUDY))]
MayStore = Annotated[Grant, Depends(needs(Action.STORE_STUDY))]
MayDelete = Annotated[Grant, Depends(needs(Action.DELETE_STUDY))]
"""What the caller may read, store or delete, as a parameter of a route that does it."""
