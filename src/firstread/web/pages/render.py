"""Templates to answers: `page(request, "worklist.html", studies=…)`."""

from functools import cache
from typing import Any

import jinja2
from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from firstread import __version__
from firstread.access import Action
from firstread.texts import LANGUAGES
from firstread.web.pages.emergency import may_break_glass, own_glass, unseen_glass
from firstread.web.pages.language import language_of
from firstread.web.pages.navigation import has_page, may, ways
from firstread.web.pages.words import FUNCTIONS
from firstread.web.static_files import static_url
from firstread.web.wording import page_wording


@cache
def templates() -> jinja2.Environment:
    """Return the templates of templates/; what is not there is an error, and every text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("firstread.web.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= FUNCTIONS
    return environment


def page(
    request: Request,
    name: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """Return a page, or a part of one, in the language of whoever asks.

    Besides its own context a template has: `t` (texts), `lang`, `languages`, `static` (addresses of files), `icon`
    (a picture out of icons.svg), `csrf` and `csrf_field` (for forms), `may` (what the door allows, by action),
    `has_page`, `ways` (the navigation), `own_glass`, `unseen_glass`, `may_break_glass` (emergency access),
    `request`, `version`.

    Args:
        request: Of the answer.
        name: Of the template.
        status: HTTP's.
        headers: More of the answer.
        context: What the template shows.
    """
    text = templates().get_template(name).render(**_context(request), **context)
    return HTMLResponse(
        text, status_code=status, headers={"Vary": "Accept-Language, Cookie", **(headers or {})}
    )


def part(request: Request, name: str, block: str, **context: object) -> str:
    """Return one block of a template: what an event or a script puts into a page that is shown already."""
    template = templates().get_template(name)
    made = template.new_context({**_context(request), **context})
    return "".join(template.blocks[block](made))


def _context(request: Request) -> dict[str, Any]:
    lang = language_of(request)
    csrf: str = getattr(request.state, "csrf", "")
    return {
        "t": page_wording(lang),
        "lang": lang,
        "languages": LANGUAGES,
        "static": static_url,
        "icon": icon,
        "csrf": csrf,
        "csrf_field": Markup('<input type="hidden" name="csrf_token" value="{}">').format(csrf),
        "may": lambda action: may(request, Action(action)) is not None,
        "has_page": lambda path: has_page(request, path),
        "ways": lambda: ways(request),
        "may_break_glass": lambda: may_break_glass(request),
        "own_glass": lambda: own_glass(request),
        "unseen_glass": lambda: unseen_glass(request),
        "actor": getattr(request.state, "actor", None),
        "request": request,
        "version": __version__,
    }


@cache
def icon(name: str, label: str = "") -> Markup:
    """Return a symbol of icons.svg; without a label it is only decoration, and text beside it says the same."""
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {} focusable="false"><use href="{}#{}"></use></svg>').format(
        told, static_url("icons.svg"), name
    )
