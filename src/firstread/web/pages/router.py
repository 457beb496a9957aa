"""All pages as one router; a page's module has one of its own, and is named here."""

from fastapi import APIRouter, Depends

from firstread.access.people import read_form_token
from firstread.web.pages import (
    account,
    accounts,
    alert_rules,
    alerts,
    glass,
    jobs,
    language,
    login,
    provider_login,
    setup,
    study,
    tview,
    worklist,
)
from firstread.web.reports import clinician, editor, quality

_PAGES = (
    language, login, provider_login, setup, account, accounts,
    glass, worklist, study, jobs, alerts, alert_rules, tview, editor, clinician, quality,
)  # fmt: skip


def pages_router() -> APIRouter:
    """Return the pages; the app that includes them has `archive`, `door`, `events` and `settings` in its state."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(read_form_token)])
    for each in _PAGES:
        router.include_router(each.router)
    return router
