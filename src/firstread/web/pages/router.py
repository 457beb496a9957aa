"""All pages as one router; a page's module has one of its own, and is named here."""

from fastapi import APIRouter

from firstread.web.pages import jobs, language, study, worklist


def pages_router() -> APIRouter:
    """Return the pages; the app that includes them has `archive`, `door`, `events` and `settings` in its state."""
    router = APIRouter(include_in_schema=False)
    router.include_router(language.router)
    router.include_router(worklist.router)
    router.include_router(study.router)
    router.include_router(jobs.router)
    return router
