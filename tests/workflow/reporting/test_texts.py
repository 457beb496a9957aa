import pytest

from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from firstread.workflow.reporting.report import open_report
from firstread.workflow.reporting.texts import KeptText, forget, keep, kept_texts
from tests.workflow.reporting.samples import ANNE


def test_a_person_has_the_texts_of_the_site_and_their_own(archive):
    with writing(archive.engine) as connection:
        keep(connection, KeptText("", "macro", "normal", "en", "findings", "Normal lungs."))
        keep(connection, KeptText("anne", "macro", "normal", "en", "findings", "My normal lungs."))
        keep(connection, KeptText("ben", "macro", "other", "en", "findings", "Ben's."))
        keep(connection, KeptText("anne", "macro", "normal", "en", "findings", "Mine."))
    with reading(archive.engine) as connection:
        assert [one.text for one in kept_texts(connection, "anne")] == ["Normal lungs.", "Mine."]
    with writing(archive.engine) as connection:
        assert forget(connection, "anne", "macro", "normal", "en", "findings")
        assert not forget(connection, "anne", "macro", "normal", "en", "findings")


@pytest.mark.parametrize(
    "given",
    [
        KeptText("", "macro", " ", "en", "findings", "x"),
        KeptText("", "poem", "a", "en", "findings", "x"),
        KeptText("", "macro", "a", "fr", "findings", "x"),
        KeptText("", "macro", "a", "en", "chorus", "x"),
        KeptText("", "macro", "a", "en", "findings", "x" * 20_001),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(archive, given):
    with writing(archive.engine) as connection, pytest.raises(UsageError):
        keep(connection, given)


def test_a_section_without_a_draft_begins_with_the_template_called_default(reported):
    with writing(reported.archive.engine) as connection:
        keep(connection, KeptText("", "template", "default", "en", "indication", "Screening."))
        keep(connection, KeptText("anne", "template", "default", "en", "indication", "Follow-up."))
    opened = open_report(reported.archive, reported.uid, actor=ANNE)
    assert opened.content.sections["indication"].text == "Follow-up."
    assert not opened.content.sections["indication"].edited
    kept = reported.change(findings={"N1": {"decision": "accepted"}})
    assert kept.content.sections["indication"].text == "Follow-up."
