"""TView's page: `/studies/{study}/view`, and the files of the viewer that npm built."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import jinja2
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from starlette.staticfiles import StaticFiles

from firstread.access import Action, Grant, needs
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.models import Study
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import missing

BUILD = Path(__file__).parent / "static" / "tview"
"""What `make viewer` builds, and a wheel brings along."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        # Decoders are WebAssembly, in workers of their own.
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of the page: nothing inline, nothing from elsewhere."""

router = APIRouter(include_in_schema=False)

_TEXTS = {
    "en": ("Viewer", "The viewer is not built here.", "Node.js is needed once. In the checkout, run"),
    "zh": ("阅片", "此处尚未构建阅片器。", "构建时需要 Node.js。请在代码目录运行"),
}


@router.get("/studies/{study}/view")
def view(
    request: Request,
    archive: OpenArchive,
    grant: Annotated[Grant, Depends(needs(Action.READ_STUDY))],
    study: Uid,
) -> HTMLResponse:
    """Return the page that shows a study; its pictures and findings are asked for by the viewer itself."""
    if not _is_there(archive, grant, study):
        raise missing()
    lang = "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
    title, absent, remedy = _TEXTS[lang]
    text = _template().render(
        lang="zh-Hans" if lang == "zh" else "en",
        title=title,
        absent=absent,
        remedy=remedy,
        study=study,
        version=built(),
        csrf=getattr(request.state, "csrf", ""),
        findings="on" if getattr(request.app.state, "findings_first", True) else "off",
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


def serve_build(app: FastAPI) -> None:
    """Have an app serve the files of the viewer; where it is not built there are none."""
    app.mount("/static/tview", StaticFiles(directory=BUILD, check_dir=False), name="tview")


def built() -> str:
    """Return what tells this build from others; "" where the viewer is not built."""
    script = BUILD / "tview.js"
    try:
        return _digest(script, script.stat().st_mtime_ns)
    except FileNotFoundError:
        return ""


@lru_cache(maxsize=4)
def _digest(script: Path, changed: int) -> str:
    return hashlib.sha256(script.read_bytes() + str(changed).encode()).hexdigest()[:12]


def _is_there(archive: Archive, grant: Grant, study: str) -> bool:
    statement = select(Study.id).where(Study.study_uid == study)
    if grant.within is not None:
        statement = statement.where(grant.within)
    with reading(archive.engine) as connection:
        return connection.execute(statement).first() is not None


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("tview.html")
