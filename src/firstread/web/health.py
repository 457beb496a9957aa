"""Whether this process lives and whether it is ready: for service managers, load balancers and containers.

Anybody may ask: the answers name checks, and neither patients nor places.
"""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from firstread import __version__
from firstread.web.guard import Guard

FINE = "fine"
CHECK_S = 5.0
_CHECKS_AT_ONCE = 8

Check = Callable[[], str | None]
"""Returns in a few words what is wrong, or None."""


class Health:
    """The checks of a process. One that fails unexpectedly or takes more than 5 s counts as wrong."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        # Checks that hang keep their threads; no more than these.
        self._limiter = CapacityLimiter(_CHECKS_AT_ONCE)

    async def results(self) -> dict[str, str]:
        """Run every check, all at once, and return for each `fine` or what is wrong."""
        found: dict[str, str] = {}

        async def run(name: str, check: Check) -> None:
            found[name] = "no answer in time"
            with anyio.move_on_after(CHECK_S):
                try:
                    wrong = await to_thread.run_sync(check, abandon_on_cancel=True, limiter=self._limiter)
                except Exception as error:
                    wrong = type(error).__name__
                found[name] = wrong or FINE

        async with anyio.create_task_group() as group:
            for name, check in self._checks.items():
                group.start_soon(run, name, check)
        return {name: found[name] for name in self._checks}


def health_router(health: Health) -> APIRouter:
    """Return `/health/live` and `/health/ready`."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    async def live() -> dict[str, bool]:
        """Say that the process answers."""
        return {"live": True}

    @router.get("/ready", responses={503: {"description": "A check says that something is wrong."}})
    async def ready() -> JSONResponse:
        """Say whether work may be sent here, with every check."""
        results = await health.results()
        is_ready = all(result == FINE for result in results.values())
        content: dict[str, Any] = {"ready": is_ready, "checks": results}
        return JSONResponse(content, status_code=200 if is_ready else 503)

    return router


def create_health_app(health: Health) -> FastAPI:
    """Return an app with the health checks alone, for processes that serve nothing else over HTTP."""
    app = FastAPI(title="firstread", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health_router(health))
    app.add_middleware(Guard)
    return app
