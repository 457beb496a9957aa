"""What peers send, as bytes: good associations with each service, and what becomes of them in hostile hands."""

import random
import struct
import zlib
from collections.abc import Iterator

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
VERIFICATION, COMMITMENT, CT_IMAGE = "1.2.840.10008.1.1", "1.2.840.10008.1.20.1", "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
CONTEXTS = {
    1: (VERIFICATION, IMPLICIT), 3: (CT_IMAGE, EXPLICIT), 5: (CT_IMAGE, DEFLATED), 7: (FIND, EXPLICIT),
    9: (GET, EXPLICIT), 11: (MOVE, EXPLICIT), 13: (COMMITMENT, EXPLICIT),
}  # fmt: skip
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
NO_DATA_SET = 0x0101


def pdu(kind: int, content: bytes, length: int | None = None) -> bytes:
    """A PDU (PS3.8 section 9.3), with its own length or another."""
    return struct.pack(">BBI", kind, 0, len(content) if length is None else length) + content


def item(kind: int, content: bytes, length: int | None = None) -> bytes:
    """An item of an A-ASSOCIATE PDU."""
    return struct.pack(">BBH", kind, 0, len(content) if length is None else length) + content


def associate(
    *,
    called: bytes = b"FIRSTREAD",
    contexts: bytes | None = None,
    information: bytes | None = None,
    version: int = 1,
) -> bytes:
    """An A-ASSOCIATE-RQ."""
    front = struct.pack(">HH16s16s32x", version, 0, called.ljust(16), b"SCANNER".ljust(16))
    if contexts is None:
        contexts = b"".join(context(number, *named) for number, named in CONTEXTS.items())
    if information is None:
        information = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4") + item(0x55, b"TEST")
    return pdu(
        ASSOCIATE_RQ, front + item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + item(0x50, information)
    )


def context(number: int, abstract: str, *syntaxes: str) -> bytes:
    """A presentation context that is asked for."""
    named = item(0x30, abstract.encode()) + b"".join(item(0x40, each.encode()) for each in syntaxes)
    return item(0x20, struct.pack(">BBBB", number, 0, 0, 0) + named)


def data(
    context: int, content: bytes, *, command: bool, last: bool = True, length: int | None = None
) -> bytes:
    """A P-DATA-TF PDU with one presentation data value."""
    size = len(content) + 2 if length is None else length
    return pdu(DATA, struct.pack(">IBB", size, context, command + 2 * last) + content)


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """A data element, explicit little endian."""
    value += b" " * (len(value) % 2) if vr != b"UI" else b"\0" * (len(value) % 2)
    if vr in (b"SQ", b"OB", b"UN", b"UT"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value) if length is None else length) + value
    return struct.pack("<HH2sH", group, number, vr, len(value) if length is None else length) + value


def command(field: int, sop_class: str, data_set: int = 1, **more: bytes) -> bytes:
    """A command set (PS3.7 section 6.3.1): implicit little endian."""
    values = {
        0x0002: sop_class.encode(),
        0x0100: struct.pack("<H", field),
        0x0110: struct.pack("<H", 1),
        0x0700: struct.pack("<H", 2),
        0x0800: struct.pack("<H", data_set),
        **{int(name[1:], 16): value for name, value in more.items()},
    }
    group = b"".join(
        struct.pack("<HHI", 0, number, len(value) + len(value) % 2) + value + b"\0" * (len(value) % 2)
        for number, value in sorted(values.items())
    )
    return struct.pack("<HHII", 0, 0, 4, len(group)) + group


def store(data_set: bytes, uid: str, *, number: int = 3, sop_class: str = CT_IMAGE) -> bytes:
    """A C-STORE request; the data set is in fragments."""
    said = data(number, command(0x0001, sop_class, x1000=uid.encode()), command=True)
    pieces = [data_set[start : start + 8000] for start in range(0, len(data_set), 8000)] or [b""]
    return said + b"".join(
        data(number, piece, command=False, last=n == len(pieces) - 1) for n, piece in enumerate(pieces)
    )


def query(identifier: bytes, *, number: int = 7, **more: bytes) -> bytes:
    """A C-FIND, C-GET or C-MOVE request, by its context."""
    field = {7: 0x0020, 9: 0x0010, 11: 0x0021}[number]
    said = data(number, command(field, CONTEXTS[number][0], **more), command=True)
    return said + data(number, identifier, command=False)


def identifier(*more: bytes, level: bytes = b"STUDY") -> bytes:
    """The identifier of a query."""
    return element(0x0008, 0x0052, b"CS", level) + b"".join(more)


def commitment(information: bytes) -> bytes:
    """An N-ACTION request for storage commitment."""
    said = command(
        0x0130,
        COMMITMENT,
        x0003=COMMITMENT.encode(),
        x1001=b"1.2.840.10008.1.20.1.1",
        x1008=struct.pack("<H", 1),
    )
    return data(13, said, command=True) + data(13, information, command=False)


ECHO = data(1, command(0x0030, VERIFICATION, NO_DATA_SET), command=True)
RELEASE = pdu(RELEASE_RQ, bytes(4))
NESTED = element(0x0008, 0x1140, b"SQ", b"", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)


def good(instance: bytes, uid: str) -> list[list[bytes]]:
    """Associations as good peers make them, each as its PDUs; they store this instance, and ask."""
    begin = associate()
    raw = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    series = element(0x0020, 0x000D, b"UI", b"1.2.3")
    return [
        [begin, ECHO, RELEASE],
        [begin, store(instance, uid), store(instance, uid), RELEASE],
        [begin, store(raw.compress(instance) + raw.flush(), uid, number=5), RELEASE],
        [begin, query(identifier(element(0x0010, 0x0010, b"PN", b"A*"), series)), RELEASE],
        [begin, query(identifier(series), number=9), RELEASE],
        [begin, query(identifier(series), number=11, x0600=b"NOWHERE"), RELEASE],
        [begin, commitment(element(0x0008, 0x1195, b"UI", b"1.2.3") + NESTED), pdu(ABORT, bytes(4))],
    ]


def malformed(instance: bytes, uid: str) -> Iterator[tuple[str, bytes]]:
    """Yield, with its name, each way in which a stream can be wrong that has one."""
    begin = associate()
    for kind in range(0x0A):
        for content in (b"", bytes(1), bytes(4), bytes(68)):
            for length in (None, 0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
                for before in (b"", begin):
                    yield f"PDU {kind:02X}", before + pdu(kind, content, length)
    one = context(1, VERIFICATION, IMPLICIT)
    wrong_requests = {
        "no context": associate(contexts=b""),
        "no user information": associate(information=b""),
        "200 contexts": associate(contexts=b"".join(context(n % 256, CT_IMAGE, EXPLICIT) for n in range(200))),
        "the same context twice": associate(contexts=one + one),
        "an even context": associate(contexts=context(2, VERIFICATION, IMPLICIT)),
        "a context without a syntax": associate(contexts=context(1, VERIFICATION)),
        "500 syntaxes": associate(contexts=context(1, VERIFICATION, *[IMPLICIT] * 500)),
        "a syntax that is none": associate(contexts=context(1, VERIFICATION, "x" * 300)),
        "an item longer than its PDU": associate(contexts=item(0x20, bytes(8), 0xFFFF)),
        "items in items": associate(contexts=item(0x20, item(0x20, item(0x20, one)))),
        "a maximum PDU of 0": associate(information=item(0x51, bytes(4))),
        "a maximum PDU of 1": associate(information=item(0x51, struct.pack(">I", 1))),
        "a length of three bytes": associate(information=item(0x51, bytes(3))),
        "a version name of 60 kB": associate(information=item(0x55, b"V" * 60_000)),
        "a user identity": associate(information=item(0x58, b"\x02\x01" + struct.pack(">H", 0xFFFF) + b"me")),
        "roles by the thousand": associate(information=item(0x54, struct.pack(">H", 3) + b"1.2\1\1") * 5000),
        "an extended negotiation": associate(information=item(0x56, struct.pack(">H", 9) + b"1.2" + bytes(90))),
        "another version": associate(version=0xFFFE),
        "a called AE title of noise": associate(called=bytes(range(200, 216))),
        "a calling AE title of nothing": associate().replace(b"SCANNER", bytes(7)),
    }  # fmt: skip
    for name, request in wrong_requests.items():
        yield name, request + ECHO + RELEASE
    stored = command(0x0001, CT_IMAGE, x1000=uid.encode())
    wrong_messages = {
        "data before a command": data(3, instance[:100], command=False),
        "a command without an end": data(3, stored[:40], command=True, last=False),
        "a command in a thousand pieces": b"".join(
            data(3, stored[n : n + 1], command=True, last=n == len(stored) - 1) for n in range(len(stored))
        ),
        "two commands and no data": data(3, stored, command=True) * 2,
        "a context that was not asked for": data(99, stored, command=True),
        "the data in another context": data(3, stored, command=True) + data(7, instance, command=False),
        "a value of no length": data(3, b"", command=True, length=0),
        "a value of one byte": data(3, b"", command=True, length=1),
        "a value of 4 GiB": data(3, stored, command=True, length=0xFFFFFFFF),
        "a store in the context of a query": data(7, stored, command=True) + data(7, instance, command=False),
        "a query in the context of a store": data(3, command(0x0020, FIND), command=True),
        "a command of no service": data(3, command(0x7777, CT_IMAGE), command=True),
        "a response to nothing": data(3, command(0x8001, CT_IMAGE, NO_DATA_SET), command=True),
        "a cancel of nothing": data(7, command(0x0FFF, FIND, NO_DATA_SET), command=True),
        "a command of bytes": data(3, bytes(range(256)), command=True),
        "an instance without a UID": store(instance, ""),
        "a path for a UID": store(instance, "../../etc/passwd"),
        "an instance of nothing": store(b"", uid),
        "two gigabytes that are not there": store(element(0x0008, 0x0005, b"OB", b"", 0x7FFFFFFF), uid),
        "sequences in sequences": store(NESTED * 20_000, uid),
        "a deflated bomb": store(bomb(16 << 20), uid, number=5),
        "a query in sequences": query(identifier(NESTED * 5000)),
        "a query of two gigabytes": query(identifier(element(0x0010, 0x0010, b"UN", b"", 0x7FFFFFFF))),
        "a query of thousands of keys": query(identifier(*(element(9 + 2 * n, 1, b"LO", b"") for n in range(20_000)))),
        "a query of wildcards": query(identifier(element(0x0010, 0x0010, b"PN", b"*a?" * 20))),
        "a query of one level too many": query(identifier(level=b"GALAXY")),
        "a query of everything to nowhere": query(identifier(), number=11, x0600=b"\xff" * 16),
        "a retrieval of everything": query(identifier(element(0x0020, 0x000D, b"UI", b"*")), number=9),
        "a commitment of nothing": commitment(b""),
        "a commitment in sequences": commitment(NESTED * 5000),
        "a second association": begin,
        "a release in the middle": data(3, stored, command=True) + RELEASE,
        "an abort in the middle": data(3, stored, command=True) + pdu(ABORT, bytes(4)),
        "a release that is answered": RELEASE + pdu(RELEASE_RP, bytes(4)),
    }  # fmt: skip
    for name, message in wrong_messages.items():
        yield name, begin + message + ECHO + RELEASE


def bomb(size: int) -> bytes:
    """So many zeros, deflated."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return raw.compress(bytes(size)) + raw.flush()


def mutated(chance: random.Random, associations: list[list[bytes]]) -> bytes:
    """A good association, damaged in one to four ways."""
    parts = list(chance.choice(associations))
    for _ in range(chance.randint(1, 4)):
        parts = chance.choice(_DAMAGES)(chance, parts, associations)
    return b"".join(parts)


def _bytes_changed(chance: random.Random, parts: list[bytes], _: object) -> list[bytes]:
    which = chance.randrange(len(parts))
    content = bytearray(parts[which])
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(min(len(content), chance.choice([12, 300, 1 << 30])))] = chance.randrange(
            256
        )
    return [*parts[:which], bytes(content), *parts[which + 1 :]]


def _length_changed(chance: random.Random, parts: list[bytes], _: object) -> list[bytes]:
    which = chance.randrange(len(parts))
    content = bytearray(parts[which])
    if len(content) < 8:
        return parts
    at = chance.randrange(min(len(content) - 4, 400))
    value = chance.choice([0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, chance.randrange(1 << 32)])
    content[at : at + 4] = struct.pack(chance.choice("<>") + "I", value)
    return [*parts[:which], bytes(content), *parts[which + 1 :]]


def _cut_off(chance: random.Random, parts: list[bytes], _: object) -> list[bytes]:
    content = b"".join(parts)
    return [content[: chance.randrange(1, len(content) + 1)]]


def _piece_lost_or_doubled(chance: random.Random, parts: list[bytes], _: object) -> list[bytes]:
    content = b"".join(parts)
    start = chance.randrange(len(content))
    end = min(len(content), start + chance.randint(1, 200))
    damaged = content[:start] + content[start:end] * chance.choice([0, 2, 20]) + content[end:]
    return [damaged or b"\0"]


def _order_changed(chance: random.Random, parts: list[bytes], _: object) -> list[bytes]:
    return chance.sample(parts, len(parts)) + chance.choices(parts, k=chance.randint(0, 3))


def _of_another(chance: random.Random, parts: list[bytes], others: list[list[bytes]]) -> list[bytes]:
    return [*parts[: chance.randint(1, len(parts))], *chance.choice(others)[1:]]


_DAMAGES = (_bytes_changed, _length_changed, _cut_off, _piece_lost_or_doubled, _order_changed, _of_another)
