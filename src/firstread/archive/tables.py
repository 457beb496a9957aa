"""The tables of every room, for what copies, checks or migrates them all."""

from importlib import import_module

from sqlalchemy import MetaData

from firstread.archive.models import Base

ROOMS = (
    "firstread.access.accounts.models",
    "firstread.access.audit.models",
    "firstread.access.rights.models",
    "firstread.alerts.models",
    "firstread.research.models",
    "firstread.workflow.reporting.models",
)
"""Modules with tables of rooms above this one; they are imported by name, as nothing here may know them."""


def metadata() -> MetaData:
    """Return every table of the database."""
    for name in ROOMS:
        import_module(name)
    return Base.metadata
