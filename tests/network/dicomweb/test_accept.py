import pytest

from firstread.network.dicomweb.accept import MediaRange, accepted, choose

DICOM, XML = 'multipart/related; type="application/dicom"', 'multipart/related; type="application/dicom+xml"'
DICOM_PARTS, XML_PARTS = "multipart/related; application/dicom", "multipart/related; application/dicom+xml"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ["*/*"]),
        ("text/html, Application/DICOM+JSON", ["text/html", "application/dicom+json"]),
        ("a/b;q=0.1, c/d, e/f;q=0.5", ["c/d", "e/f", "a/b"]),  # the most wanted first
        ("a/b;q=0, c/d;q=nonsense, e/f", ["e/f"]),
        (f"{DICOM}; transfer-syntax=*", [DICOM_PARTS]),
        ("multipart/related", ["multipart/related; */*"]),
        ('a/b; x="c,d;e", f/g', ["a/b", "f/g"]),  # a comma within quotes separates nothing
        (";q=1, ,,", []),
    ],
)
def test_ranges_are_read_by_weight(header, expected):
    assert [each.name for each in accepted(header)] == expected


def test_the_query_parameter_takes_the_place_of_the_header():
    assert [each.name for each in accepted("a/b", "c/d")] == ["c/d"]


def test_parameters_are_kept():
    (one,) = accepted(f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.1;q=0.9")
    assert (one.transfer_syntax, one.weight) == ("1.2.840.10008.1.2.1", 0.9)


def test_a_header_without_end_is_read_to_some_place():
    assert len(accepted("a/b, " * 100_000)) == 32


@pytest.mark.parametrize(
    ("header", "offered", "expected"),
    [
        ("*/*", ["x/y", "z/z"], "x/y"),
        ("image/*", ["x/y", "image/png"], "image/png"),
        ("image/png", ["image/jpeg"], None),
        ("x/y;q=0.2, image/png", ["x/y", "image/png"], "image/png"),
        (XML, ["application/json", XML_PARTS], XML_PARTS),
        (XML, [DICOM_PARTS], None),
        ('multipart/related; type="application/*"', [DICOM_PARTS], DICOM_PARTS),
        ("application/dicom+xml", [XML_PARTS], None),
        ("multipart/*", [DICOM_PARTS], DICOM_PARTS),
    ],
)
def test_what_is_wanted_most_of_what_is_offered_is_chosen(header, offered, expected):
    chosen = choose(accepted(header), offered)
    assert (chosen and chosen[0]) == expected


def test_a_range_covers_its_own_types_and_no_others():
    assert MediaRange("image/*").covers("image/png")
    assert not MediaRange("image/*").covers("imagery/png")
