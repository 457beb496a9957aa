import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstread.engine.kernel_files import cpuinfo, format_list, parse_list, read_fields, read_text
from tests.engine.recorded_hosts import write


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0-3,8\n", {0, 1, 2, 3, 8}),
        ("5", {5}),
        ("0-1,3-4", {0, 1, 3, 4}),
        ("", set()),
        ("\n", set()),
        ("x,2", {2}),
        ("-1", set()),
    ],
)
def test_the_kernels_lists_are_read(text, numbers):
    assert parse_list(text) == numbers


@given(st.frozensets(st.integers(0, 300)))
def test_what_is_written_is_read_again(numbers):
    assert parse_list(format_list(numbers)) == numbers


def test_a_list_is_written_as_short_as_the_kernel_writes_it():
    assert format_list([8, 0, 1, 2, 3, 10, 11]) == "0-3,8,10-11"
    assert format_list([]) == ""


def test_a_file_that_is_not_there_is_empty(tmp_path):
    assert read_text(tmp_path / "absent") == ""
    assert read_fields(tmp_path / "absent") == {}
    assert cpuinfo(tmp_path) == ()


def test_only_blocks_of_processors_count(tmp_path):
    # 32-bit ARM ends with a block about the board.
    text = "processor\t: 0\nmodel name\t: A: B\n\nprocessor\t: 1\n\nHardware\t: Board\n"
    assert cpuinfo(write(tmp_path, **{"proc/cpuinfo": text})) == (
        {"processor": "0", "model name": "A: B"},
        {"processor": "1"},
    )
