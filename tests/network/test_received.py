import struct
from io import BytesIO

import pytest
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import P_DATA_TF

from firstread.network.received import DataPDU, store_message, store_request

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.2"
FIELDS = (
    "MessageID",
    "Priority",
    "AffectedSOPClassUID",
    "AffectedSOPInstanceUID",
    "MoveOriginatorApplicationEntityTitle",
    "MoveOriginatorMessageID",
)


def request(instance="1.2.3.4", **more):
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = 7, 1
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = SOP_CLASS, instance
    primitive.DataSet = BytesIO(b"\x08\x00" * 500)
    for name, value in more.items():
        setattr(primitive, name, value)
    return primitive


def sent(primitive, message, pdu_bytes=16_382):
    """What pynetdicom sends of a primitive: P-DATA primitives."""
    made = message()
    made.primitive_to_message(primitive)
    return list(made.encode_msg(3, pdu_bytes))


def on_the_wire(primitive):
    pdu = P_DATA_TF()
    pdu.from_primitive(primitive)
    return bytearray(pdu.encode())


def command_of(primitive, message=C_STORE_RQ):
    return sent(primitive, message)[0].presentation_data_value_list[0][1][1:]


@pytest.mark.parametrize("instance", ["1.2.3.4", "1.2.34", "2.25." + "9" * 38, "1." + "2" * 62])
def test_a_plain_request_is_read_as_pynetdicom_reads_it(instance):
    asked = request(instance)
    found = store_request(command_of(asked))
    assert [getattr(found, name) for name in FIELDS] == [getattr(asked, name) for name in FIELDS]
    assert found.is_valid_request is False, "its data set comes after it"


@pytest.mark.parametrize(
    "command",
    [
        command_of(request(MoveOriginatorApplicationEntityTitle="ELSEWHERE", MoveOriginatorMessageID=3)),
        command_of(request(DataSet=None)),
        command_of(request())[:-1],
        command_of(request()) + command_of(request()),
        command_of(request()) + struct.pack("<HHI", 0x0009, 0x0010, 2) + b"ab",
        command_of(request()).replace(b"1.2.3.4", b"1.2.a.4"),
        command_of(request()).replace(b"1.2.3.4", b"1.2..34"),
        command_of(request()).replace(struct.pack("<HHIH", 0, 0x0700, 2, 1), struct.pack("<HHIH", 0, 0x0700, 2, 9)),
        command_of(request()).replace(struct.pack("<HHIH", 0, 0x0110, 2, 7), b""),
        command_of(request()).replace(b"\x10\x01\x02\x00\x00\x00", b"\x10\x01\xff\xff\xff\xff"),
        b"",
        b"\0" * 64,
    ],
)  # fmt: skip
def test_what_is_unusual_is_left_to_pynetdicom(command):
    assert store_request(command) is None


def test_another_message_is_left_to_pynetdicom():
    echo = C_ECHO()
    echo.MessageID, echo.AffectedSOPClassUID = 1, "1.2.840.10008.1.1"
    (whole,) = sent(echo, C_ECHO_RQ)
    assert store_message(whole) is None
    first, *_ = sent(request(), C_STORE_RQ, pdu_bytes=64)  # a command in several parts
    assert store_message(first) is None


@pytest.mark.parametrize("pdu_bytes", [300, 16_382])
def test_a_request_that_comes_in_parts_is_put_together(pdu_bytes):
    asked = request()
    parts = [DataPDU(on_the_wire(part)).to_primitive() for part in sent(asked, C_STORE_RQ, pdu_bytes)]
    message = store_message(parts[0])
    assert [message.decode_msg(part) for part in parts] == [False] * (len(parts) - 1) + [True]
    found = message.message_to_primitive()
    assert found.DataSet.getvalue() == b"\x08\x00" * 500
    assert (message.context_id, found.is_valid_request, str(found.AffectedSOPInstanceUID)) == (
        3,
        True,
        "1.2.3.4",
    )


def test_a_data_pdu_is_read_as_pynetdicom_reads_it():
    for part in sent(request(), C_STORE_RQ, pdu_bytes=300):
        wire = on_the_wire(part)
        theirs = P_DATA_TF()
        theirs.decode(bytes(wire))
        mine = DataPDU(wire).to_primitive().presentation_data_value_list
        assert [(n, bytes(v)) for n, v in mine] == [
            tuple(each) for each in theirs.to_primitive().presentation_data_value_list
        ]


@pytest.mark.parametrize(
    "items",
    [
        b"\0",
        b"\0\0\0\1\1",  # a value without its first byte
        b"\0\0\0\0",
        b"\0\0\0\x09\1\2abc",  # shorter than it says
        b"\xff\xff\xff\xff\1\2abc",
        b"\0\0\0\x04\1\2ab\0\0",  # another begins and is cut
    ],
)
def test_items_that_lie_about_their_length_are_refused(items):
    with pytest.raises(ValueError, match="item"):
        DataPDU(bytearray(b"\x04\0" + struct.pack(">I", len(items)) + items))
