from concurrent.futures import ThreadPoolExecutor

import pytest

from firstread.archive.database import reading
from firstread.workflow.reporting.history import difference, history
from firstread.workflow.reporting.report import Changed, open_report
from firstread.workflow.reporting.subject import NotThere
from tests.workflow.reporting.samples import ANNE, BEN, add_result


def test_a_report_begins_as_the_draft_of_the_ai(reported):
    opened = reported.open()
    assert (opened.version, opened.state, opened.author) == (1, "preliminary", "firstread")
    assert "N1" in opened.content.sections["findings"].text
    assert "AI preliminary, not verified" in opened.content.sections["findings"].text
    assert opened.content.sections["recommendation"].text
    assert reported.open().version == 1


def test_what_another_has_saved_meanwhile_is_not_overwritten_and_the_second_is_told(reported):
    seen = reported.open().version
    reported.change(ANNE, expected=seen, sections={"impression": {"text": "Anne's."}})
    with pytest.raises(Changed, match="anne") as told:
        reported.change(BEN, expected=seen, sections={"impression": {"text": "Ben's."}})
    assert told.value.opened.content.sections["impression"].text == "Anne's."
    assert reported.open().content.sections["impression"].text == "Anne's."


def test_of_many_who_save_at_the_same_moment_one_does(reported):
    seen = reported.open().version

    def go(n):
        try:
            reported.change(ANNE, expected=seen, sections={"impression": {"text": f"Number {n}."}})
        except Changed:
            return None
        return f"Number {n}."

    with ThreadPoolExecutor(8) as pool:
        (saved,) = [text for text in pool.map(go, range(8)) if text is not None]
    opened = reported.open()
    assert (opened.version, opened.content.sections["impression"].text) == (seen + 1, saved)


def test_a_change_that_changes_nothing_makes_no_version(reported):
    before = reported.open()
    text = before.content.sections["impression"].text
    assert reported.change(sections={"impression": {"text": text}}).version == before.version


def test_every_version_is_kept_and_two_differ_by_lines(reported):
    reported.change(sections={"indication": {"text": "Cough."}})
    reported.change(findings={"N2": {"decision": "rejected", "reason": "a vessel"}})
    opened = reported.open()
    with reading(reported.archive.engine) as connection:
        versions = history(connection, opened.key)
        told = difference(connection, opened.key, 1, 3)
    assert [(one.number, one.why, one.author) for one in versions] == [
        (1, "drafted", "firstread"), (2, "saved", "anne"), (3, "saved", "anne"),
    ]  # fmt: skip
    assert "+Cough." in told
    assert "+N2 rejected by anne: a vessel" in told


def test_a_study_that_may_not_be_seen_is_as_one_that_is_not_there(reported):
    from sqlalchemy import false

    for uid, within in ((reported.uid, false()), ("1.2.3", None)):
        with pytest.raises(NotThere, match=r"There is no result of such a study\."):
            open_report(reported.archive, uid, within=within)


def test_a_study_that_was_read_again_takes_along_what_was_decided_of_the_same_lesions(reported, read_folder):
    reported.change(findings={"N2": {"decision": "accepted"}})
    reported.change(sections={"indication": {"text": "Cough."}})

    def without_the_first(path):
        from firstread.findings import ReadResult

        result = ReadResult.model_validate_json(path.read_bytes())
        _, *rest = result.findings
        renamed = tuple(one.model_copy(update={"id": f"N{n}"}) for n, one in enumerate(rest, 1))
        path.write_text(result.model_copy(update={"findings": renamed}).model_dump_json())

    add_result(reported.archive, reported.study_key, read_folder[0], change=without_the_first)
    opened = reported.open()
    assert (opened.author, opened.version) == ("firstread", 4)
    assert {name: one.verdict for name, one in opened.content.decisions.items()} == {"N1": "accepted"}
    assert opened.content.sections["indication"].text == "Cough."
    assert "N3" not in opened.content.sections["findings"].text
