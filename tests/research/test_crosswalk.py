import pytest
from sqlalchemy import select

from firstread.access.audit.models import AuditEvent, AuditSubject
from firstread.archive.database import reading, writing
from firstread.dicom.discover import sources
from firstread.research.crosswalk import explain
from firstread.research.deidentify import deidentify
from firstread.research.models import CrosswalkEntry
from firstread.research.projects import project_named
from firstread.research.sealed import Unopenable
from tests.dicom.ct_series import anatomy, ct_series, write
from tests.research.conftest import ACTOR, seal


@pytest.fixture
def done(engine, tmp_path):
    """Two studies of one patient and one of another, de-identified."""
    made = [ct_series(anatomy(1, 16), study=n)[0] for n in (1, 2, 3)]
    made[2].PatientID, made[2].PatientName = "SYN-2", "Mueller^Annegret"
    write(tmp_path / "in", made)
    return deidentify(engine, seal(), "lungs", sources(tmp_path / "in"), tmp_path / "out", actor=ACTOR)


def explained(engine, **arguments):
    with reading(engine) as connection:
        project = project_named(connection, arguments.pop("with_seal", seal()), "lungs")
    return explain(engine, seal(), project, actor=ACTOR, **arguments)


def test_it_leads_from_each_pseudonym_to_the_patient(engine, done):
    patients = {each.pseudonym: each.original for each in explained(engine) if each.kind == "patient"}
    assert set(patients) == done.patients
    assert sorted(each["PatientID"] for each in patients.values()) == ["SYN-1", "SYN-2"]
    assert {each["PatientName"] for each in patients.values()} == {"Test^Synthetic", "Mueller^Annegret"}


def test_it_leads_from_each_new_study_uid_to_the_old_one(engine, done):
    studies = [each for each in explained(engine) if each.kind == "study"]
    assert {each.pseudonym for each in studies} == done.studies
    assert all(each.original["StudyInstanceUID"].startswith("1.2.826") for each in studies)


def test_one_pseudonym_is_explained_alone(engine, done):
    one = sorted(done.patients)[0]
    assert [each.pseudonym for each in explained(engine, pseudonyms=[one])] == [one]


def test_the_same_again_adds_nothing(engine, done, tmp_path):
    count = select(CrosswalkEntry.id)
    with reading(engine) as connection:
        before = len(connection.execute(count).all())
    deidentify(engine, seal(), "lungs", sources(tmp_path / "in"), tmp_path / "more", actor=ACTOR)
    with reading(engine) as connection:
        assert len(connection.execute(count).all()) == before == 2 + 3 + 3


def test_the_database_shows_nothing_of_it(engine, done):
    with reading(engine) as connection:
        rows = str(connection.execute(select(CrosswalkEntry.__table__)).all())
    for secret in ("SYN-1", "SYN-2", "Mueller", "1.2.826"):
        assert secret not in rows


def test_reading_it_is_on_record_with_whom_it_was_about(engine, done):
    explained(engine)
    with reading(engine) as connection:
        last = connection.execute(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        about = connection.execute(
            select(AuditSubject.value).where(
                AuditSubject.event_key == last.id, AuditSubject.kind == "patient"
            )
        ).scalars()
        assert sorted(about) == ["SYN-1", "SYN-2"]
    assert '"crosswalk":"lungs"' in last.content


def test_the_export_is_on_record(engine, done):
    with reading(engine) as connection:
        events = connection.execute(select(AuditEvent).where(AuditEvent.code == "110106")).all()
    assert len(events) == 1
    assert '"instances":"3"' in events[0].content


def test_an_entry_that_was_moved_to_another_row_does_not_open(engine, done):
    from sqlalchemy import update

    with writing(engine) as connection:
        rows = connection.execute(
            select(CrosswalkEntry.id, CrosswalkEntry.sealed).where(CrosswalkEntry.kind == "patient")
        ).all()
        connection.execute(
            update(CrosswalkEntry).where(CrosswalkEntry.id == rows[0].id).values(sealed=rows[1].sealed)
        )
    with pytest.raises(Unopenable):
        explained(engine)


def test_nothing_is_left_where_the_export_cannot_be_recorded(engine, tmp_path, monkeypatch):
    def fail(connection, happened):
        raise OSError(28, "no space")

    monkeypatch.setattr("firstread.research.deidentify.record", fail)
    write(tmp_path / "in", ct_series(anatomy(1, 16)))
    with pytest.raises(Exception, match="cannot be written"):
        deidentify(engine, seal(), "lungs", sources(tmp_path / "in"), tmp_path / "out", actor=ACTOR)
    assert not (tmp_path / "out").exists()
    with reading(engine) as connection:
        assert connection.execute(select(CrosswalkEntry.id)).all() == []


def test_a_trial_run_leaves_no_trace(engine, tmp_path):
    write(tmp_path / "in", ct_series(anatomy(1, 16)))
    deidentify(engine, seal(), "lungs", sources(tmp_path / "in"), None, actor=ACTOR)
    with reading(engine) as connection:
        assert connection.execute(select(CrosswalkEntry.id)).all() == []
        assert connection.execute(select(AuditEvent.id).where(AuditEvent.code == "110106")).all() == []
