"""The app: what is mounted in it, and what every answer has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from firstread import __version__
from firstread.access.gate import ThisComputer
from firstread.archive import Archive
from firstread.network.dicomweb import dicomweb_router
from firstread.network.dicomweb.metadata import MetadataKeeper
from firstread.network.dicomweb.problems import install
from firstread.settings import Settings
from firstread.web import events, outlines, static_files
from firstread.web.events import EventHub
from firstread.web.guard import Guard
from firstread.web.health import Health, health_router
from firstread.web.pages.failures import install_failures
from firstread.web.pages.router import pages_router
from firstread.web.reports import api
from firstread.web.reports.asked import install_conflicts, signs_nobody
from firstread.workflow.reporting.pointed import Pointed


def create_app(
    archive: Archive,
    *,
    allow_remote: bool = False,
    keep_metadata: bool = True,
    health: Health | None = None,
    settings: Settings | None = None,
) -> FastAPI:
    """Return the service.

    Args:
        archive: Open for as long as the app runs; whoever opened it closes it.
        allow_remote: Other computers may call; there is no access control yet.
        keep_metadata: Derive the metadata of what is received, from whichever process, in a thread.
        health: What `/health/ready` says; None leaves the health checks out.
        settings: Of the installation: what pages tell of it; None: the defaults.
    """
    hub = EventHub(archive.engine)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        keeper = await run_in_threadpool(MetadataKeeper, archive) if keep_metadata else None
        try:
            yield
        finally:
            await run_in_threadpool(hub.close)
            if keeper is not None:
                await run_in_threadpool(keeper.close)

    # No pages of documentation: FastAPI's load their scripts from elsewhere.
    app = FastAPI(title="firstread", version=__version__, docs_url=None, redoc_url=None, lifespan=running)
    app.state.archive = archive
    app.state.door = ThisComputer(open_to_all=allow_remote)
    app.state.events = hub
    app.state.settings = settings or Settings()
    app.state.pointed = Pointed(archive)
    app.state.reauthenticate = signs_nobody
    install(app)
    install_failures(app)
    install_conflicts(app)
    app.include_router(dicomweb_router())
    app.include_router(api.router)
    app.include_router(outlines.router)
    app.include_router(static_files.router)
    app.include_router(events.router)
    app.include_router(pages_router())
    if health is not None:
        app.include_router(health_router(health))
    app.add_middleware(Guard)
    return app
