import pytest

from firstread.workflow.routes.patterns import check_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("CHEST", "chest"),
        ("CHEST*", "Chest low dose"),
        ("*thin*", "THORAX THIN 1.0"),
        ("Br4?d", "Br40d"),
        ("*1.0 (B31f)*", "Chest 1.0 (B31f)"),
        ("胸部*", "胸部平扫"),
        ("/(chest|thorax).*/", "Thorax nativ"),
        ("/ct\\d{1,2}/", "CT12"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_a_pattern_says_the_whole_text_without_case(pattern, text):
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("CHEST", "CHEST CT"), ("C.EST", "CHEST"), ("/chest/", "a chest"), ("ER", "ER2"), ("a|b", "a")],
)
def test_what_is_not_the_whole_text_is_not_said(pattern, text):
    assert not matches(pattern, text)


@pytest.mark.parametrize("pattern", ["*", "?", "/.*/", "/()/"])
def test_an_absent_value_is_said_by_the_empty_pattern_only(pattern):
    assert not matches(pattern, "")
    assert not matches("", "chest")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("/(/", "unclosed group"),
        ("/a)|(b/", "unopened group"),
        ("/a(?=b)/", "look-around"),
        (r"/(a)\1/", "backreferences"),
        ("/a{1000}{1000}/", "size limit"),
        ("a" * 201, "longer than 200"),
        ("a\tb", "control characters"),
    ],
)
def test_what_is_no_pattern_is_said_so(pattern, reason):
    with pytest.raises(ValueError, match=reason):
        check_pattern(pattern)


def test_an_expression_that_stalls_other_engines_is_matched_in_linear_time():
    assert not matches("/(a+)+(a+)+(a+)+/", "a" * 255 + "!")
