"""What the routes of the service are given: the archive."""

from typing import Annotated, Any

from fastapi import Depends, Request

from firstread.archive import Archive


def _archive(request: Request) -> Archive:
    archive: Any = request.app.state.archive
    assert isinstance(archive, Archive)
    return archive


OpenArchive = Annotated[Archive, Depends(_archive)]
"""The app's archive, as a parameter of a route."""
