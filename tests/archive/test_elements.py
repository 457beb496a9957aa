import struct

import pytest

from firstread.archive.elements import DEEPEST, Unparsable, count_nested, first_elements, first_item
from tests.archive.samples import instances
from tests.dicom.ct_series import EXPLICIT, IMPLICIT

MODALITY, SERIES_NUMBER = 0x00080060, 0x00200011
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def element(tag, value, *, undefined=False):
    """One element in implicit VR little endian."""
    length = 0xFFFFFFFF if undefined else len(value)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length) + value


def nested(depth):
    inner = element(0xFFFEE0DD, b"")
    for _ in range(depth):
        item = element(0xFFFEE000, element(0x00081140, inner, undefined=True), undefined=True)
        inner = item + element(0xFFFEE00D, b"") + element(0xFFFEE0DD, b"")
    return element(0x00081110, inner, undefined=True)


def modality_of(content, **options):
    found = first_elements(
        memoryview(content), {MODALITY}, last=0x00100000, **{"implicit": True, "big": False, **options}
    )
    return found.get(MODALITY)


def test_sequences_on_the_way_are_stepped_over():
    items = element(0xFFFEE000, element(MODALITY, b"XX"))
    inside = element(0x00080051, items) + element(
        0x00080052, items + element(0xFFFEE0DD, b""), undefined=True
    )
    assert modality_of(inside + element(MODALITY, b"CT")) == b"CT"


def test_nesting_is_followed_as_deep_as_anyone_means_it():
    assert modality_of(element(MODALITY, b"CT") + nested(DEEPEST - 1)) == b"CT"
    with pytest.raises(Unparsable):
        modality_of(element(MODALITY, b"CT") + nested(5000))


def test_a_data_set_of_nothing_but_empty_elements_is_given_up():
    with pytest.raises(Unparsable):
        modality_of(bytes(16 << 20))


def test_what_comes_after_the_last_tag_is_not_looked_at():
    assert modality_of(element(MODALITY, b"CT") + element(0x7FE00010, b"")[:4] + b"\xff" * 4) == b"CT"


def test_an_element_longer_than_the_data_set_is_none():
    with pytest.raises(Unparsable):
        modality_of(element(MODALITY, b"CT") + struct.pack("<HHI", 8, 0x70, 1000) + b"short")


@pytest.mark.parametrize(("syntax", "called"), [(EXPLICIT, True), (IMPLICIT, False)])
def test_the_bytes_are_believed_where_they_contradict_the_name_of_the_syntax(syntax, called):
    (instance,) = instances(1, syntax=syntax)
    found = first_elements(instance.dataset, {SERIES_NUMBER}, last=SERIES_NUMBER, implicit=called, big=False)
    assert found == {SERIES_NUMBER: b"1 "}


def test_damage_beyond_what_is_needed_leaves_what_was_found():
    content = element(MODALITY, b"CT") + struct.pack("<HHI", 8, 0x70, 1000) + b"short"
    assert modality_of(content, needed=MODALITY) == b"CT"
    with pytest.raises(Unparsable):
        modality_of(content, needed=0x00080070)


ONE = element(MODALITY, b"CT")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (element(ITEM, ONE) + element(ITEM, element(MODALITY, b"MR")), b"CT"),
        (element(ITEM, ONE + element(ITEM_END, b""), undefined=True), b"CT"),
        (element(ITEM, b""), None),
        (b"", None),
        (ONE, None),
        (element(ITEM, ONE)[:-1], None),
    ],
)
def test_the_first_item_of_a_sequence_is_looked_into(items, expected):
    assert first_item(items, {MODALITY}, implicit=True, big=False).get(MODALITY) == expected


@pytest.mark.parametrize("undefined", [False, True])
def test_a_wanted_sequence_is_its_items_without_what_ends_it(undefined):
    items = element(ITEM, ONE)
    end = element(SEQUENCE_END, b"") if undefined else b""
    content = element(0x00081110, items + end, undefined=undefined)
    found = first_elements(memoryview(content), {0x00081110}, last=0x00081110, implicit=True, big=False)
    assert found == {0x00081110: items}


def count(items, most=100):
    return count_nested(memoryview(items), implicit=True, big=False, most=most)


def test_all_that_is_nested_is_counted_however_its_length_is_told():
    inner = element(ITEM, ONE + ONE)
    told = element(ITEM, element(0x00081110, inner))
    open_ended = element(
        ITEM, element(0x00081110, inner + element(SEQUENCE_END, b""), undefined=True) + element(ITEM_END, b""),
        undefined=True,
    )  # fmt: skip
    assert (count(told), count(open_ended)) == (5, 7)  # what ends items and sequences counts too


def test_counting_is_given_up_where_there_is_too_much_or_too_deep():
    with pytest.raises(Unparsable):
        count(element(ITEM, ONE * 100))
    deep = ONE
    for _ in range(200):
        deep = element(0x00081110, element(ITEM, deep))
    with pytest.raises(Unparsable):
        count(element(ITEM, deep), most=10_000)
    with pytest.raises(Unparsable):
        count(element(ITEM, ONE)[:-1])
