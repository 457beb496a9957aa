"""The app: what is mounted in it, and what every answer has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from firstread import __version__
from firstread.access.gate import Door, ThisComputer
from firstread.archive import Archive
from firstread.network.dicomweb import dicomweb_router
from firstread.network.dicomweb.metadata import MetadataKeeper
from firstread.network.dicomweb.problems import install
from firstread.web.guard import Guard
from firstread.web.health import Health, health_router


def create_app(
    archive: Archive,
    *,
    allow_remote: bool = False,
    door: Door | None = None,
    keep_metadata: bool = True,
    health: Health | None = None,
) -> FastAPI:
    """Return the service.

    Args:
        archive: Open for as long as the app runs; whoever opened it closes it.
        allow_remote: Other computers may call. Without a `door`, everybody then may do everything.
        door: Decides who may do what; None: whoever calls from this computer may do everything.
        keep_metadata: Derive the metadata of what is received, from whichever process, in a thread.
        health: What `/health/ready` says; None leaves the health checks out.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        keeper = await run_in_threadpool(MetadataKeeper, archive) if keep_metadata else None
        try:
            yield
        finally:
            if keeper is not None:
                await run_in_threadpool(keeper.close)

    # No pages of documentation: FastAPI's load their scripts from elsewhere.
    app = FastAPI(title="firstread", version=__version__, docs_url=None, redoc_url=None, lifespan=running)
    app.state.archive = archive
    app.state.door = door or ThisComputer(open_to_all=allow_remote)
    install(app)
    app.include_router(dicomweb_router())
    if health is not None:
        app.include_router(health_router(health))
    app.add_middleware(Guard)
    return app
