import io

import pytest
from rich.console import Console

from firstread.cli.summary import place, print_summary
from firstread.findings import NOTICE, Comparison


@pytest.fixture
def shown(tmp_path):
    (tmp_path / "report.html").write_text("")

    def show(result, width=200):
        console = Console(file=io.StringIO(), width=width)
        print_summary(result, tmp_path, console=console)
        return console.file.getvalue()

    return show


def test_the_summary_says_what_was_found_and_where_the_files_are(shown, result, tmp_path):
    text = shown(result)
    row = next(line for line in text.splitlines() if line.startswith("N1"))
    for part in (
        "Nodule",
        "right lung, upper zone",
        "solid",
        "9.0",
        "9.8 × 8.2",
        "382",
        "0.93",
        "4A",
    ):
        assert part in row
    assert "Lung-RADS" in text.splitlines()[1]
    assert NOTICE in text
    assert result.impression in text
    assert "Warning: One slice was interpolated." in text
    assert f"{tmp_path}/report.html\n" in text
    assert "2.0 s: load 1.0" in text


def test_a_read_without_findings_says_so(shown, result):
    assert "No finding." in shown(result.model_copy(update={"findings": ()}))


def test_a_path_is_never_broken_over_two_lines(shown, result, tmp_path):
    assert f"{tmp_path}/report.html\n" in shown(result, width=20)


def test_text_of_the_input_is_not_taken_for_markup(shown, result):
    hostile = result.model_copy(update={"warnings": ("[bold]x[/bold] [/]",)})
    assert "[bold]x[/bold] [/]" in shown(hostile)


def test_the_place_is_as_fine_as_the_reader_could_tell(result):
    finding = result.findings[0]
    assert place(finding.model_copy(update={"lobe": "right middle"})) == "right middle lobe"
    assert place(finding) == "right lung, upper zone"
    assert place(finding.model_copy(update={"zone": None})) == "right lung"
    assert place(finding.model_copy(update={"zone": None, "laterality": None})) == "lung"


def test_on_a_narrow_terminal_the_numbers_and_the_category_stay_whole(shown, result):
    text = shown(result, width=80)
    for part in ("9.0", "9.8 × 8.2", "382", "0.93", "4A"):
        assert part in text


def test_the_change_is_shown_where_there_was_a_prior(shown, result):
    grown = result.findings[0].model_copy(
        update={"comparison": Comparison(change="growing", prior_study_uid="1.2")}
    )
    assert "growing" not in shown(result)
    assert "growing" in shown(result.model_copy(update={"findings": (grown,)}))
