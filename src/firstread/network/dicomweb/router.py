"""All transactions as one router."""

from fastapi import APIRouter, Depends

from firstread.network.dicomweb import delete, pixel_data, retrieve, search, store
from firstread.network.dicomweb.access import authorise
from firstread.network.dicomweb.addresses import PREFIX


def dicomweb_router() -> APIRouter:
    """Return the service; the app that includes it has `archive` and `allow_remote` in its state."""
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(authorise)])
    for part in (
        search.router,
        retrieve.metadata_router,
        pixel_data.router,
        retrieve.router,
        store.router,
        delete.router,
    ):
        router.include_router(part)
    return router
