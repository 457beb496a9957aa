"""The app: what is mounted in it, and what every answer has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from firstread import __version__
from firstread.access.gate import Door, ThisComputer
from firstread.archive import Archive
from firstread.network.acceptance import parse_networks
from firstread.network.dicomweb import dicomweb_router
from firstread.network.dicomweb.metadata import MetadataKeeper
from firstread.network.dicomweb.problems import install
from firstread.settings import Settings
from firstread.web import events, outlines, static_files
from firstread.web.alerts import alerts_router
from firstread.web.audited import Audited
from firstread.web.events import EventHub
from firstread.web.guard import Guard
from firstread.web.health import Health, health_router
from firstread.web.limits import Limits
from firstread.web.pages.failures import install_failures
from firstread.web.pages.login import LOGIN, keep_language
from firstread.web.pages.router import pages_router
from firstread.web.proxies import Proxied
from firstread.web.reports import api
from firstread.web.reports.asked import by_account, install_conflicts
from firstread.workflow.reporting.pointed import Pointed


def create_app(
    archive: Archive,
    *,
    allow_remote: bool = False,
    door: Door | None = None,
    keep_metadata: bool = True,
    health: Health | None = None,
    settings: Settings | None = None,
) -> FastAPI:
    """Return the service.

    Args:
        archive: Open for as long as the app runs; whoever opened it closes it.
        allow_remote: Other computers may call. Without a `door`, everybody then may do everything.
        door: Decides who may do what; None: whoever calls from this computer may do everything.
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
    app.state.door = door or ThisComputer(open_to_all=allow_remote)
    app.state.events = hub
    app.state.settings = settings or Settings()
    app.state.pointed = Pointed(archive)
    app.state.reauthenticate = by_account(app.state.settings)
    app.state.login_path = LOGIN
    app.state.keep_language = keep_language
    install(app)
    install_failures(app)
    install_conflicts(app)
    app.include_router(dicomweb_router())
    app.include_router(api.router)
    app.include_router(outlines.router)
    app.include_router(static_files.router)
    app.include_router(events.router)
    app.include_router(alerts_router())
    app.include_router(pages_router())
    if health is not None:
        app.include_router(health_router(health))
    app.add_middleware(Audited, engine=archive.engine)
    app.add_middleware(Limits, per_minute=app.state.settings.api_requests_per_minute)
    app.add_middleware(Guard)
    app.add_middleware(Proxied, trusted=parse_networks(app.state.settings.api_trusted_proxies))
    return app
