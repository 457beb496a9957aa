import pytest
from sqlalchemy import event

from firstread.archive.database import writing
from firstread.archive.header import read_header
from firstread.archive.models import Instance, Patient, PatientWord, Series, Study
from firstread.archive.record import Arrival, record
from firstread.archive.store import new_name
from tests.archive.samples import instances, rows


def arrival(instance, source="CT1"):
    header = read_header(instance)
    file_digest, dataset_digest = instance.digests()
    return Arrival(
        header=header,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        name=new_name(header.study_uid, header.series_uid),
        size=instance.size,
        file_digest=file_digest,
        dataset_digest=dataset_digest,
        source=source,
    )


def written(archive, *arrivals, is_there=True):
    with writing(archive.engine) as connection:
        record(connection, arrivals, is_there=lambda name, size: is_there)
    return [each.outcome for each in arrivals]


def test_a_group_of_everything_at_once_is_told_apart_and_counted(archive):
    one, two, three = instances(3)
    other = instances(1, seed=1)[0]
    group = [
        arrival(each)
        for each in (one, two, one, other, three, *instances(2, series=2), *instances(1, study=2))
    ]
    assert sorted(written(archive, *group)) == ["conflict", "duplicate", *["stored"] * 6]
    first, second = rows(archive, Study)
    assert (first.number_of_series, first.number_of_instances, first.conflicts) == (2, 5, 1)
    assert (second.number_of_series, second.number_of_instances, second.conflicts) == (1, 1, 0)
    assert [series.number_of_instances for series in rows(archive, Series)] == [3, 2, 1]
    assert len(rows(archive, Patient)) == 1
    assert len(rows(archive, Instance)) == 7


def test_words_of_a_name_are_those_of_the_row_whoever_comes_after(archive):
    for study, name in ((1, "Doe^Jane-Ann"), (2, "ROE^Jane"), (3, "")):
        change = {"PatientName": name}
        instance = instances(1, study=study, change=lambda ds, c=change: ds.update(c))[0]
        written(archive, arrival(instance))
    (patient,) = rows(archive, Patient)
    assert patient.name == "Doe^Jane-Ann"
    assert [(each.patient_key, each.word) for each in rows(archive, PatientWord)] == [
        (patient.id, word) for word in ("doe", "jane-ann", "ann")
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_duplicate_takes_the_place_of_the_first_only_where_that_is_gone(archive, is_there):
    first, again = arrival(instances(1)[0]), arrival(instances(1)[0])
    written(archive, first)
    assert written(archive, again, is_there=is_there) == ["duplicate"]
    (row,) = rows(archive, Instance)
    assert row.file == again.kept == (first.name if is_there else again.name)


def test_a_try_that_was_committed_after_all_is_no_duplicate(archive):
    first = arrival(instances(1)[0])
    written(archive, first)
    assert written(archive, first) == ["stored"]
    assert rows(archive, Study)[0].number_of_instances == 1


def test_a_further_instance_of_a_series_takes_five_statements(sqlite_archive):
    one, two = instances(2)
    written(sqlite_archive, arrival(one))
    asked = []
    event.listen(sqlite_archive.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    written(sqlite_archive, arrival(two))
    assert [statement.split()[0] for statement in asked] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "UPDATE",
        "UPDATE",
    ]
