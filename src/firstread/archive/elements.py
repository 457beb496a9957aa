"""The first data elements of a data set, undecoded, without a copy, and without trust.

pydicom is for files that one means to read; it warns, and its warnings and log lines can quote values. Here bytes of
anybody are looked at while they are received: the walk takes what it is asked for and is bounded.
"""

import struct
from collections.abc import Container

MOST_ELEMENTS = 100_000  # nested ones included, on the way to the last that is wanted
DEEPEST = 32
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"))
_LARGEST_VALUE = 1 << 16


class Unparsable(Exception):
    """The bytes are no data set, or one that no device would write."""


def first_elements(
    dataset: memoryview,
    wanted: Container[int],
    *,
    last: int,
    implicit: bool,
    big: bool,
    most: int = MOST_ELEMENTS,
) -> dict[int, bytes]:
    """Return the values of the wanted top-level elements up to the tag `last`.

    Args:
        dataset: Encoded data set.
        wanted: Tags. Of values longer than 64 KiB, and of those of undefined length, there is none.
        last: Reading stops at the first tag beyond it.
        implicit: Implicit VR is expected; where the first element contradicts, it is believed.
        big: Big endian.
        most: So many elements may come, those in sequences of undefined length included.

    Raises:
        Unparsable: it ends within an element, or never seems to end.
    """
    walk = _Walk(dataset, implicit=_is_implicit(dataset, expected=implicit), big=big, most=most)
    found: dict[int, bytes] = {}
    at = 0
    while at < len(dataset):
        tag, vr, length, start = walk.element(at)
        if tag > last:
            break
        if length == _UNDEFINED:
            at = walk.after_sequence(start, implicit=walk.implicit or vr == b"UN", depth=0)
            continue
        at = start + length
        if at > len(dataset):
            raise Unparsable
        if tag in wanted and length <= _LARGEST_VALUE:
            found[tag] = bytes(dataset[start:at])
    return found


def _is_implicit(dataset: memoryview, *, expected: bool) -> bool:
    """Some devices write explicit VR and call it implicit, or the other way round."""
    if len(dataset) < 8:
        return expected
    vr = bytes(dataset[4:6])
    if expected:
        # As a length these letters would be beyond any first element.
        return not (vr.isalpha() and vr.isupper())
    return not (vr.isascii() and vr.isupper())


class _Walk:
    def __init__(self, dataset: memoryview, *, implicit: bool, big: bool, most: int) -> None:
        self._dataset = dataset
        self.implicit = implicit
        order = ">" if big else "<"
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}H")
        self._long = struct.Struct(f"{order}I")
        self._left = most

    def element(self, at: int, *, implicit: bool | None = None) -> tuple[int, bytes, int, int]:
        """Return tag, VR, length and start of the value of the element that begins at `at`."""
        self._left -= 1
        if not self._left:
            raise Unparsable
        try:
            group, number = self._tag.unpack_from(self._dataset, at)
            tag = group << 16 | number
            if group == 0xFFFE or (self.implicit if implicit is None else implicit):
                return tag, b"", self._long.unpack_from(self._dataset, at + 4)[0], at + 8
            vr = bytes(self._dataset[at + 4 : at + 6])
            if vr in _LONG:
                return tag, vr, self._long.unpack_from(self._dataset, at + 8)[0], at + 12
            return tag, vr, self._short.unpack_from(self._dataset, at + 6)[0], at + 8
        except struct.error:
            raise Unparsable from None

    def after_sequence(self, at: int, *, implicit: bool, depth: int) -> int:
        """Return where a sequence of undefined length, whose items begin at `at`, is over."""
        if depth > DEEPEST:
            raise Unparsable
        while True:
            tag, _, length, start = self.element(at)
            if tag == _SEQUENCE_END:
                return start
            if tag != _ITEM:
                raise Unparsable
            at = start + length if length != _UNDEFINED else self._after_item(start, implicit, depth)

    def _after_item(self, at: int, implicit: bool, depth: int) -> int:
        while True:
            tag, vr, length, start = self.element(at, implicit=implicit)
            if tag == _ITEM_END:
                return start
            if length == _UNDEFINED:
                at = self.after_sequence(start, implicit=implicit or vr == b"UN", depth=depth + 1)
            else:
                at = start + length
