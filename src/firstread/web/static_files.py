"""What pages load besides themselves: style, scripts, icons out of the package; browsers keep it until it changes."""

import mimetypes
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from firstread.web.guard import POLICY

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static"
KEPT = "public, max-age=31536000, immutable"
NOT_KEPT = "no-cache"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}


@cache
def edition() -> str:
    """Return what tells this set of files from any other: the start of the sha256 (hex) of their names and contents.

    One for all, so that a script finds those that it imports beside it.
    """
    digest = sha256()
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        digest.update(path.relative_to(FOLDER).as_posix().encode())
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


@cache
def static_url(name: str) -> str:
    """Return the address of a file, e.g. of `js/page.js`; another content has another address.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not (FOLDER / name).is_file():
        raise FileNotFoundError(name)
    return f"{PREFIX}/{edition()}/{name}"


WITH_WEBASSEMBLY = (
    POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'") + "; worker-src 'self'"
)
"""The policy of the viewer: its decoders are WebAssembly in workers, and a worker has the policy of its own file."""
_VIEWER = "tview/"

router = APIRouter(prefix=PREFIX, include_in_schema=False)


@router.get("/{of}/{name:path}")
def static_file(of: str, name: str) -> Response:
    """Serve a file to anybody: nothing in them is of a patient. One of another edition is not to be kept."""
    if "\0" in name:  # no file system has it in a name
        return Response(status_code=404)
    path = (FOLDER / name).resolve()
    if not path.is_relative_to(FOLDER) or not path.is_file():
        return Response(status_code=404)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Cache-Control": KEPT if of == edition() else NOT_KEPT}
    if name.startswith(_VIEWER):
        headers["Content-Security-Policy"] = WITH_WEBASSEMBLY
    return FileResponse(path, media_type=kind, headers=headers)
