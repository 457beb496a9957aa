"""DICOMweb: searching, retrieving, storing and deleting over HTTP (PS3.18)."""

from firstread.network.dicomweb.router import dicomweb_router

__all__ = ["dicomweb_router"]
