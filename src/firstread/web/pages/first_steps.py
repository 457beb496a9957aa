"""What to do at a node to which nothing has come: command lines with its own address, ready to be copied."""

from typing import Any

from firstread.errors import FirstreadError
from firstread.settings import Settings
from firstread.workflow.routes import load_routes

_ROUTE = """firstread routes add - <<'END'
[[routes]]
name = "chest CT"
reader = "lung_nodule"
when = { modality = "CT" }
END"""
_EVERYWHERE = ("0.0.0.0", "::", "")


def first_steps(settings: Settings) -> dict[str, Any]:
    """Return what the page tells: the node's address, what is set already, and the commands of each step."""
    host = "127.0.0.1" if settings.dicom_host in _EVERYWHERE else settings.dicom_host
    title, port = settings.dicom_ae_title, settings.dicom_port
    try:
        has_route = bool(load_routes(settings))
    except FirstreadError:
        has_route = False
    return {
        "ae_title": title,
        "host": host,
        "port": port,
        "is_local": host.startswith("127."),
        "has_callers": bool(settings.dicom_callers),
        "has_route": has_route,
        "commands": {
            "callers": "FIRSTREAD_DICOM_CALLERS=any firstread serve",
            "route": _ROUTE,
            "phantom": f"firstread phantom phantom && firstread send phantom --to {title}@{host}:{port}",
            "dcmtk": f"storescu +sd +r -aec {title} {host} {port} FOLDER",
        },
    }
