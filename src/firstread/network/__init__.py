"""DICOM over the network: what peers may send, and how they are answered."""

from firstread.network.store_scp import Listening, StoreSCP

__all__ = ["Listening", "StoreSCP"]
