"""The worklist: `/`, its rows anew for a script, claims, and views under a name."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import JSONResponse, Response

from firstread.access import Action, Grant, needs
from firstread.archive.claims import Claim, ClaimedByOther, claim, release
from firstread.archive.database import reading, writing
from firstread.archive.worklist import STAGES, URGENCIES
from firstread.web.pages.asked import Named, archive_of, done, study_key
from firstread.web.pages.failures import failure, wants_page
from firstread.web.pages.first_steps import first_steps
from firstread.web.pages.language import language_of
from firstread.web.pages.render import page
from firstread.web.wording import page_wording
from firstread.worklist.filters import ALL, CAME, OPEN, SORTS, WHOSE, Filters
from firstread.worklist.find import Found, find
from firstread.worklist.views import owner_of, remove_view, save_view, views_of

router = APIRouter(include_in_schema=False)

Reading = Annotated[Grant, Depends(needs(Action.READ_STUDY))]
Claiming = Annotated[Grant, Depends(needs(Action.EDIT_REPORT))]


@router.get("/")
@router.get("/worklist")
def worklist(request: Request, grant: Reading) -> Response:
    """Show the worklist, or where there is nothing in it what to do first."""
    filters = Filters.of(request.query_params)
    owner = owner_of(grant.actor)
    with reading(archive_of(request).engine) as connection:
        found = find(connection, filters, within=grant.within, owner=owner)
        views = views_of(connection, owner)
    if found.is_empty and not filters.is_narrowed:
        return page(request, "first_steps.html", **first_steps(request.app.state.settings))
    return page(
        request,
        "worklist.html",
        views=views,
        whose=WHOSE,
        came=CAME,
        urgencies=URGENCIES,
        **_context(filters, found, owner),
    )


@router.get("/worklist/rows")
def rows(request: Request, grant: Reading) -> Response:
    """Return the list alone, for a page that is shown already."""
    filters = Filters.of(request.query_params)
    owner = owner_of(grant.actor)
    with reading(archive_of(request).engine) as connection:
        found = find(connection, filters, within=grant.within, owner=owner)
    return page(request, "worklist_list.html", **_context(filters, found, owner))


def _context(filters: Filters, found: Found, owner: str) -> dict[str, Any]:
    return {
        "filters": filters,
        "found": found,
        "owner": owner,
        "sorts": SORTS,
        "tabs": (OPEN, *STAGES, ALL),
        "claim_action": Action.EDIT_REPORT,
    }


@router.post("/worklist/{study}/claim")
def claim_study(
    request: Request,
    study_uid: Named,
    grant: Claiming,
    seen: Annotated[int | None, Form()] = None,
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Claim a study, or take it over from the claim that was seen, with a reason."""
    t = page_wording(language_of(request))
    try:
        with writing(archive_of(request).engine) as connection:
            key = study_key(connection, study_uid, grant, locked=True)
            made = claim(
                connection,
                key,
                owner=owner_of(grant.actor),
                name=grant.actor.name or t("frame.this_computer"),
                seen=seen,
                reason=reason,
            )
    except ClaimedByOther as other:
        return _conflict(request, other.claim)
    return done(request, back) if wants_page(request) else JSONResponse({"claim": made.id})


def _conflict(request: Request, held: Claim) -> Response:
    t = page_wording(language_of(request))
    told = t("claim.by_other", name=held.name)
    if wants_page(request):
        return failure(request, 409, message=told)
    content = {"error": told, "remedy": t("claim.ask"), "claim": held.id, "holder": held.name}
    return JSONResponse(content, status_code=409)


@router.post("/worklist/{study}/release")
def release_study(
    request: Request, study_uid: Named, grant: Claiming, back: Annotated[str, Form()] = "/"
) -> Response:
    """Give one's claim back."""
    with writing(archive_of(request).engine) as connection:
        release(connection, study_key(connection, study_uid, grant, locked=True), owner=owner_of(grant.actor))
    return done(request, back)


@router.post("/worklist/views")
def keep_view(
    request: Request,
    grant: Reading,
    name: Annotated[str, Form()] = "",
    query: Annotated[str, Form()] = "",
) -> Response:
    """Keep the filters under a name."""
    filters = Filters.of(dict(parse_qsl(query[:2000])))
    with writing(archive_of(request).engine) as connection:
        save_view(connection, owner_of(grant.actor), name, filters)
    return done(request, f"/?{filters.query()}")


@router.post("/worklist/views/{view}/remove")
def forget_view(request: Request, view: int, grant: Reading, back: Annotated[str, Form()] = "/") -> Response:
    """Remove a view; one that is gone already is no failure."""
    with writing(archive_of(request).engine) as connection:
        remove_view(connection, owner_of(grant.actor), view)
    return done(request, back)
