"""The answer to a C-STORE, put together at once: what pynetdicom needs a fifth of an instance's processor time for."""

import struct
from typing import Any

from pynetdicom.dimse_primitives import C_STORE

_C_STORE_RSP = 0x8001
_NO_DATA_SET = 0x0101
LONGEST = 512
"""Bytes that no answer reaches; what peers take in one PDU is hardly ever less."""


def encoded_store_response(primitive: Any) -> bytes | None:  # noqa: ANN401 - any of pynetdicom's primitives
    """Return the command set of a plain answer to a C-STORE (PS3.7 section 9.3.1.2, little endian, implicit VR).

    None: it is another message, or says more than its status.
    """
    if type(primitive) is not C_STORE or primitive.MessageIDBeingRespondedTo is None:
        return None
    if primitive.ErrorComment is not None or primitive.OffendingElement is not None:
        return None
    sop_class, sop_instance = primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID
    if sop_class is None or sop_instance is None or primitive.Status is None:
        return None
    elements = b"".join(
        (
            _uid(0x0002, sop_class),
            _short(0x0100, _C_STORE_RSP),
            _short(0x0120, primitive.MessageIDBeingRespondedTo),
            _short(0x0800, _NO_DATA_SET),
            _short(0x0900, primitive.Status),
            _uid(0x1000, sop_instance),
        )
    )
    return struct.pack("<HHII", 0, 0, 4, len(elements)) + elements


def _short(element: int, value: int) -> bytes:
    return struct.pack("<HHIH", 0, element, 2, value)


def _uid(element: int, uid: str) -> bytes:
    value = str(uid).encode("ascii")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", 0, element, len(value)) + value
