"""The web service: one FastAPI app over an open archive."""

from firstread.web.app import create_app

__all__ = ["create_app"]
