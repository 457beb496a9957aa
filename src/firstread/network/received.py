"""What a peer sends, with as few copies as can be: pynetdicom copies an instance six times on its way to its handler.

Only what nearly all traffic consists of is read here: data PDUs, and C-STORE requests whose command set is in one piece
and as plain as PS3.7 table 9.3-1 has it. Everything else is left to pynetdicom.
"""

import struct
from io import BytesIO

from pydicom.uid import UID
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from firstread.archive.uids import is_uid

DATA_PDU = 0x04
_HEADER_BYTES = 6
_COMMAND, _LAST = 1, 2  # bits of a value's first byte (PS3.8 annex E.2)
_NO_DATA_SET = 0x0101
_C_STORE_RQ = 0x0001
_PRIORITIES = (0, 1, 2)
_SHORT = struct.Struct("<H")
_ELEMENT = struct.Struct("<HHI")
_ITEM = struct.Struct(">IB")


class DataPDU:
    """A P-DATA-TF PDU (PS3.8 section 9.3.5), its values views of the bytes that were received.

    Args:
        received: The whole PDU.

    Raises:
        ValueError: its items are not as long as they say, or one has not even its first byte.
    """

    def __init__(self, received: bytearray) -> None:
        content = memoryview(received)
        self._values: list[tuple[int, memoryview]] = []
        at = _HEADER_BYTES
        while at < len(content):
            try:
                length, context_id = _ITEM.unpack_from(content, at)
            except struct.error:
                raise ValueError("an item without its head") from None
            end = at + 4 + length
            if length < 2 or end > len(content):
                raise ValueError("an item that is not as long as it says")
            self._values.append((context_id, content[at + _ITEM.size : end]))
            at = end

    def to_primitive(self) -> P_DATA:
        """Return it as pynetdicom's upper layer hands it on."""
        primitive = P_DATA()
        primitive.presentation_data_value_list.extend(self._values)  # type: ignore[arg-type]
        return primitive


class StoreMessage:
    """A C-STORE request that is being received; has of pynetdicom's `DIMSEMessage` what its service provider uses."""

    def __init__(self, request: C_STORE, context_id: int) -> None:
        self._request = request
        self.context_id = context_id
        self.data_set = BytesIO()
        self.encoded_command_set = BytesIO()
        self._data_set_file = self._data_set_path = None

    def decode_msg(self, primitive: P_DATA, _: object = None) -> bool:
        """Take in the parts of the data set that have come; tell whether the last one has."""
        for _context_id, value in primitive.presentation_data_value_list:
            if value[0] & _COMMAND:
                continue  # the one that this was made of
            self.data_set.write(value[1:])
            if value[0] & _LAST:
                return True
        return False

    def message_to_primitive(self) -> C_STORE:
        """Return the request with its data set."""
        self._request._dataset = self.data_set
        return self._request


def store_message(primitive: P_DATA) -> StoreMessage | None:
    """Begin a message where its first value is the whole command of a plain C-STORE request; None: it is another."""
    values = primitive.presentation_data_value_list
    if not values or values[0][1][0] & 3 != _COMMAND | _LAST or any(v[0] & _COMMAND for _, v in values[1:]):
        return None
    context_id, command = values[0]
    request = store_request(command[1:])
    if request is None:
        return None
    request._context_id = context_id
    return StoreMessage(request, context_id)


def store_request(command: bytes | memoryview) -> C_STORE | None:
    """Read the command set of a C-STORE request (little endian, implicit VR).

    None: it is another, without a data set, or in any way unusual.
    """
    found: dict[int, bytes] = {}
    at = 0
    try:
        while at < len(command):
            group, element, length = _ELEMENT.unpack_from(command, at)
            at += _ELEMENT.size + length
            if group or at > len(command) or element in found:
                return None
            found[element] = bytes(command[at - length : at])
        if found.pop(0x0100) != _SHORT.pack(_C_STORE_RQ) or found.pop(0x0800) == _SHORT.pack(_NO_DATA_SET):
            return None
        found.pop(0x0000, None)
        (number,), (priority,) = _SHORT.unpack(found.pop(0x0110)), _SHORT.unpack(found.pop(0x0700))
        sop_class, sop_instance = _uid(found.pop(0x0002)), _uid(found.pop(0x1000))
    except (struct.error, KeyError):
        return None
    # What else there may be, an originator's, comes with the answers to a C-MOVE only.
    if found or sop_class is None or sop_instance is None or priority not in _PRIORITIES:
        return None
    request = C_STORE()
    request._message_id, request._priority = number, priority
    request._affected_sop_class_uid, request._affected_sop_instance_uid = sop_class, sop_instance
    return request


def _uid(value: bytes) -> UID | None:
    text = value.removesuffix(b"\0").decode("latin-1")
    # As pydicom's own, without its warnings: whether it is one is asked here.
    return str.__new__(UID, text) if is_uid(text) else None
