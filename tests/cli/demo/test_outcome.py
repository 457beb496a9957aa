import json

from firstread.cli.demo.folder import DemoFolder
from firstread.cli.demo.outcome import DemoOutcome, print_outcome
from firstread.findings import NOTICE


def test_people_learn_what_was_found_how_long_it_took_and_where_the_report_is(result, tmp_path, capsys):
    delivered = tmp_path / "results" / ("1.2.826." * 8) / "lung_nodule-0123456789ab"
    seconds = {"receipt": 1.25, "quiet": 3.0, "read": 6.5, "delivery": 0.25}
    outcome = DemoOutcome(DemoFolder(tmp_path), 192, seconds, delivered, result)
    print_outcome(outcome)
    said = capsys.readouterr().out
    assert NOTICE in said
    assert "Lung-RADS 4A: 3-month LDCT" in said
    assert "11.0 s (receipt 1.2, quiet 3.0, read 6.5, delivery 0.2)" in said
    assert f"Report:          file://{delivered}/report.html" in said.splitlines()  # in one piece
    facts = json.loads(json.dumps(outcome.facts()))
    assert (facts["category"], facts["findings"], facts["images"]) == ("4A", 1, 192)
    assert facts["result"] == str(delivered)


def test_a_chest_without_a_finding_is_told_too(result, tmp_path, capsys):
    nothing = result.model_copy(update={"findings": (), "category": None})
    outcome = DemoOutcome(DemoFolder(tmp_path), 192, {"read": 1.0}, tmp_path, nothing)
    print_outcome(outcome)
    assert "No finding." in capsys.readouterr().out
    assert outcome.facts()["category"] is None
