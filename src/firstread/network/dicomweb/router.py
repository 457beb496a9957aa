"""All transactions as one router."""

from fastapi import APIRouter, Depends

from firstread.access import Action, needs
from firstread.network.dicomweb import delete, pixel_data, retrieve, search, store
from firstread.network.dicomweb.addresses import PREFIX


def dicomweb_router() -> APIRouter:
    """Return the service; the app that includes it has `archive` and `door` in its state."""
    router = APIRouter(prefix=PREFIX)
    for part, action in (
        (search.router, Action.READ_STUDY),
        (retrieve.metadata_router, Action.READ_STUDY),
        (pixel_data.router, Action.READ_STUDY),
        (retrieve.router, Action.READ_STUDY),
        (store.router, Action.STORE_STUDY),
        (delete.router, Action.DELETE_STUDY),
    ):
        router.include_router(part, dependencies=[Depends(needs(action))])
    return router
