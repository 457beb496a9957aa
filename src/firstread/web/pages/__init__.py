"""The reading room's pages."""

from firstread.web.pages.render import page

__all__ = ["page"]
