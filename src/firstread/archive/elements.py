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
_DELIMITER = 8  # bytes of an element that ends an item or a sequence


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
    needed: int = _UNDEFINED,
) -> dict[int, bytes]:
    """Return the values of the wanted top-level elements up to the tag `last`.

    Args:
        dataset: Encoded data set.
        wanted: Tags. Of values longer than 64 KiB there is none; of a sequence it is its items.
        last: Reading stops at the first tag beyond it.
        implicit: Implicit VR is expected; where the first element contradicts, it is believed.
        big: Big endian.
        most: So many elements may come, those in sequences of undefined length included.
        needed: Where an element beyond this tag is damaged, what was found before it is returned.

    Raises:
        Unparsable: it ends within an element, or never seems to end.
    """
    walk = _Walk(dataset, implicit=_is_implicit(dataset, expected=implicit), big=big, most=most)
    found: dict[int, bytes] = {}
    at = tag = 0
    try:
        while at < len(dataset):
            tag, vr, length, start = walk.element(at)
            if tag > last:
                break
            if length == _UNDEFINED:
                at = walk.after_sequence(start, implicit=walk.implicit or vr == b"UN", depth=0)
                end = at - _DELIMITER
            else:
                end = at = start + length
            if at > len(dataset):
                raise Unparsable
            if tag in wanted and end - start <= _LARGEST_VALUE:
                found[tag] = bytes(dataset[start:end])
    except Unparsable:
        if tag <= needed:
            raise
    return found


def first_item(items: bytes, wanted: Container[int], *, implicit: bool, big: bool) -> dict[int, bytes]:
    """Return the values of the wanted elements in the first item of a sequence; none where it cannot be parsed."""
    walk = _Walk(memoryview(items), implicit=implicit, big=big, most=MOST_ELEMENTS)
    try:
        tag, _, length, start = walk.element(0)
        if tag != _ITEM:
            return {}
        end = start + length if length != _UNDEFINED else walk.after_item(start, implicit, 0) - _DELIMITER
        content = memoryview(items)[start:end]
        return first_elements(content, wanted, last=_UNDEFINED, implicit=implicit, big=big)
    except Unparsable:
        return {}


def count_nested(items: memoryview, *, implicit: bool, big: bool, most: int) -> int:
    """Return how many elements a sequence has, with all that is nested in it.

    Raises:
        Unparsable: it cannot be parsed, is nested too deeply, or has more than `most`.
    """
    walk = _Walk(items, implicit=implicit, big=big, most=most)
    walk.count(0, len(items), depth=0)
    return most - walk.left


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
        self.left = most

    def element(self, at: int, *, implicit: bool | None = None) -> tuple[int, bytes, int, int]:
        """Return tag, VR, length and start of the value of the element that begins at `at`."""
        self.left -= 1
        if not self.left:
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
            at = start + length if length != _UNDEFINED else self.after_item(start, implicit, depth)

    def count(self, at: int, end: int, *, depth: int) -> None:
        """Walk over all elements, items and what is nested in them between two places."""
        if depth > 2 * DEEPEST:  # an item and its elements are two
            raise Unparsable
        while at < end:
            tag, _, length, start = self.element(at)
            if length == _UNDEFINED:  # its content follows, and then what ends it
                at = start
                continue
            at = start + length
            if at > len(self._dataset):
                raise Unparsable
            if tag == _ITEM or self._begins_item(start, at):
                self.count(start, at, depth=depth + 1)

    def _begins_item(self, at: int, end: int) -> bool:
        return end - at >= _DELIMITER and self._tag.unpack_from(self._dataset, at) == (0xFFFE, 0xE000)

    def after_item(self, at: int, implicit: bool, depth: int) -> int:
        while True:
            tag, vr, length, start = self.element(at, implicit=implicit)
            if tag == _ITEM_END:
                return start
            if length == _UNDEFINED:
                at = self.after_sequence(start, implicit=implicit or vr == b"UN", depth=depth + 1)
            else:
                at = start + length
