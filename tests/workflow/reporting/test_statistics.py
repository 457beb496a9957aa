from datetime import timedelta

from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.workflow.reporting.by_hand import ByHand, entered
from firstread.workflow.reporting.changes import with_added
from firstread.workflow.reporting.report import save
from firstread.workflow.reporting.signing import add_addendum
from firstread.workflow.reporting.statistics import agreement
from tests.workflow.reporting.samples import ANNE, DR_ANNE


def decide(reported):
    """Accept nothing, correct one, reject one, leave one, add one; sign."""
    finding = reported.result.findings[0]
    reported.change(
        findings={
            "N1": {"decision": "edited", "edited": {"long_mm": 5.0, "short_mm": 4.0}},
            "N2": {"decision": "rejected", "reason": "a vessel"},
        }
    )
    given = ByHand(
        center_lps_mm=finding.center_lps_mm, long_mm=9, short_mm=7, attenuation="solid", laterality="left",
        sop_instance_uid=finding.sop_instance_uid,
    )  # fmt: skip
    with writing(reported.archive.engine) as connection:
        save(
            connection, reported.archive, reported.uid, ANNE, expected=2,
            change=lambda opened: with_added(opened, entered(given, reported.result), "hand", ANNE),
        )  # fmt: skip
    reported.sign()


def test_what_became_of_findings_is_counted_by_model_reader_person_and_month(reported):
    decide(reported)
    with reading(reported.archive.engine) as connection:
        (by_model,) = agreement(connection)
        assert {one.name for one in agreement(connection, "reader")} == {"ball"}
        assert {one.name for one in agreement(connection, "person")} == {"anne"}
        assert {one.name for one in agreement(connection, "month")} == {now().strftime("%Y-%m")}
    assert by_model.name == "net 2.0"
    assert (by_model.reports, by_model.accepted, by_model.edited) == (1, 0, 1)
    assert (by_model.rejected, by_model.added, by_model.unreviewed) == (1, 1, 1)
    difference = 4.5 - reported.result.findings[0].diameter_mm.mean
    assert abs(by_model.bias_mm - difference) < 0.01
    assert abs(by_model.absolute_mm + difference) < 0.01
    assert by_model.recategorised == 1
    assert (by_model.precision, by_model.sensitivity) == (0.5, 0.5)


def test_each_report_counts_once_by_its_newest_signature(reported):
    decide(reported)
    seen = reported.open().version
    with writing(reported.archive.engine) as connection:
        add_addendum(connection, reported.archive, reported.uid, ANNE, DR_ANNE, text="Seen.", expected=seen)
    with reading(reported.archive.engine) as connection:
        (counted,) = agreement(connection)
        assert counted.reports == counted.edited == 1
        assert agreement(connection, since=now() + timedelta(days=1)) == ()
