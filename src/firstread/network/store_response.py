"""The answer to a C-STORE, put together at once: what pynetdicom needs a fifth of an instance's processor time for."""

import struct

_C_STORE_RSP = 0x8001
_NO_DATA_SET = 0x0101
LONGEST = 512
"""Bytes that no answer reaches; what peers take in one PDU is hardly ever less."""


def encoded_store_response(message_id: int, sop_class_uid: str, sop_instance_uid: str, status: int) -> bytes:
    """Return the command set of a plain answer to a C-STORE (PS3.7 section 9.3.1.2, little endian, implicit VR).

    Args:
        message_id: Of the request.
        sop_class_uid: Of the instance, as the request had it.
        sop_instance_uid: The same.
        status: As in PS3.4 table B.2-1.
    """
    elements = b"".join(
        (
            _uid(0x0002, sop_class_uid),
            _short(0x0100, _C_STORE_RSP),
            _short(0x0120, message_id),
            _short(0x0800, _NO_DATA_SET),
            _short(0x0900, status),
            _uid(0x1000, sop_instance_uid),
        )
    )
    return struct.pack("<HHII", 0, 0, 4, len(elements)) + elements


def _short(element: int, value: int) -> bytes:
    return struct.pack("<HHIH", 0, element, 2, value)


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", 0, element, len(value)) + value
