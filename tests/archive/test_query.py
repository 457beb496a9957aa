import re
from contextlib import ExitStack

import pytest
from sqlalchemy import event

from firstread.archive import open_archive
from firstread.archive.database import reading
from firstread.archive.models import Study
from firstread.archive.query import find
from firstread.errors import UsageError
from tests.archive.samples import instances

PEOPLE = [
    # study, name, id, date, time, modality, description
    (1, "Doe^Jane", "A_1", "20250102", "0915", "CT", "Chest 50%"),
    (2, "DOE^JOHN", "AB1", "20250102", "101530.5", "CR", "Chest"),
    (3, "Doering^Max", "A*2", "20250203", "235959", "CT", "Abdomen"),
    (4, "Müller^Jörg", "B-1", "20241231", "", "MR", "chest"),
    (5, "", "B-2", "", "12", "CT", ""),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request, tmp_path_factory):
    """An archive that no test changes."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgres_server").empty_archive())
        archive = stack.enter_context(open_archive(tmp_path_factory.mktemp("query") / "archive", url=url))
        fill(archive)
        yield archive


def fill(archive):
    for study, name, patient, date, time, modality, description in PEOPLE:

        def change(ds, values=(name, patient, date, time, modality, description)):
            ds.SpecificCharacterSet = "ISO_IR 192"
            ds.PatientName, ds.PatientID, ds.StudyDate, ds.StudyTime = values[:4]
            ds.Modality, ds.StudyDescription = values[4:]

        for instance in instances(2, study=study, change=change):
            archive.receive(instance)
    (structured,) = instances(1, study=1, series=2, change=lambda ds: setattr(ds, "Modality", "SR"))
    archive.receive(structured)


def studies(archive, *, fuzzy=False, **keys):
    """The last component of the Study UIDs that are found."""
    with reading(archive.engine) as connection:
        found = find(connection, "study", keys, fuzzy=fuzzy)
    return [int(study["StudyInstanceUID"].rpartition(".")[2]) for study in found]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, [3, 2, 1, 4, 5]),  # newest first
        ({"PatientName": ""}, [3, 2, 1, 4, 5]),
        ({"PatientName": "*"}, [3, 2, 1, 4, 5]),
        ({"PatientName": "doe^jane"}, [1]),
        ({"PatientName": "doe"}, [2, 1]),  # a family name finds its bearers, not Doering
        ({"PatientName": "Doe*"}, [3, 2, 1]),
        ({"PatientName": "*J?HN"}, [2]),
        ({"PatientName": "MÜLLER*"}, [4]),
        ({"PatientID": "A_1"}, [1]),
        ({"PatientID": "a_1"}, []),  # identifiers are compared with case
        ({"PatientID": "A_*"}, [1]),  # _ is no wildcard
        ({"PatientID": "A?1"}, [2, 1]),
        ({"PatientID": "a*"}, []),
        ({"StudyDescription": "*50%"}, [1]),
        ({"StudyDescription": "Chest*"}, [2, 1]),
        ({"StudyDate": "20250102"}, [2, 1]),
        ({"StudyDate": "20250101-20250131"}, [2, 1]),
        ({"StudyDate": "20250103-"}, [3]),
        ({"StudyDate": "-20250101"}, [4]),  # without a date is not before one
        ({"StudyDate": "20250301-20250101"}, []),
        ({"StudyTime": "09-10"}, [2, 1]),  # up to the end of the hour
        ({"StudyTime": "0915"}, [1]),
        ({"StudyTime": "-0959"}, [1]),
        ({"ModalitiesInStudy": "CT"}, [3, 1, 5]),
        ({"ModalitiesInStudy": "SR\\MR"}, [1, 4]),
        ({"ModalitiesInStudy": "CT", "StudyDate": "20250101-20250131", "PatientName": "doe*"}, [1]),
        ({"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.7.2"}, [2]),
        ({"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.7.2\\1.2.826.0.1.3680043.8.498.7.5"}, [2, 5]),
        ({"StudyInstanceUID": "1.2.3"}, []),
    ],
)
def test_studies_are_matched_as_the_standard_says(filled, keys, expected):
    assert studies(filled, **keys) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"PatientName": "jane doe"}, [1]),
        ({"PatientName": "DO*"}, [3, 2, 1]),
        ({"PatientName": "jo do"}, [2]),
        ({"PatientName": "j"}, [2, 1, 4]),
        ({"PatientName": "oe"}, []),  # within a word
        ({"PatientName": "doe doe doe"}, [3, 2, 1]),
        ({"PatientName": "^*="}, [3, 2, 1, 4, 5]),
        ({"PatientName": "doe", "PatientID": "AB*"}, [2]),
        ({"PatientName": "m", "StudyDate": "20250101-", "ModalitiesInStudy": "CT"}, [3]),
        ({"PatientName": "%"}, []),
        ({"PatientID": "AB1"}, [2]),
    ],
)
def test_fuzzy_names_are_matched_by_their_words(filled, keys, expected):
    assert studies(filled, fuzzy=True, **keys) == expected


NAMES = [
    ({"PatientName": "do*"}, False),
    ({"PatientName": "j d"}, True),
    ({"PatientName": "d", "PatientID": "A*"}, True),
]
OTHERS = [
    ({"StudyDescription": "*es*"}, False),
    ({"ModalitiesInStudy": "CT"}, False),
    ({"ModalitiesInStudy": "CT", "PatientName": "d", "StudyDescription": "C*"}, True),
]


@pytest.mark.parametrize(
    ("level", "keys", "fuzzy"),
    [("patient", *asked) for asked in NAMES]
    + [(level, *asked) for level in ("study", "series", "instance") for asked in NAMES + OTHERS],
)
def test_keys_that_name_little_and_keys_that_name_much_find_the_same(filled, monkeypatch, level, keys, fuzzy):
    def found():
        with reading(filled.engine) as connection:
            return find(connection, level, keys, limit=10, fuzzy=fuzzy)

    little = found()
    monkeypatch.setattr("firstread.archive.narrowing.MOST", 0)
    assert little
    assert found() == little


def test_a_patient_with_several_words_that_match_is_found_once(archive):
    archive.receive(instances(1, change=lambda ds: setattr(ds, "PatientName", "Anna^Annabel"))[0])
    for level in ("patient", "study", "series"):
        with reading(archive.engine) as connection:
            assert len(find(connection, level, {"PatientName": "ann"}, fuzzy=True)) == 1


def test_a_study_tells_its_modalities_and_numbers(filled):
    with reading(filled.engine) as connection:
        (study,) = find(connection, "study", {"PatientID": "A_1"})
    assert study["ModalitiesInStudy"] == "CT\\SR"
    assert (study["NumberOfStudyRelatedSeries"], study["NumberOfStudyRelatedInstances"]) == (2, 3)
    assert "_key" not in study


def test_every_level_is_found_with_what_is_above_it(filled):
    uid = "1.2.826.0.1.3680043.8.498.7.1"
    with reading(filled.engine) as connection:
        series = find(connection, "series", {"StudyInstanceUID": uid, "Modality": "CT"})
        found = find(connection, "instance", {"StudyInstanceUID": uid, "InstanceNumber": "2"})
        patients = find(connection, "patient", {"PatientName": "doe*"})
    assert [(one["SeriesNumber"], one["NumberOfSeriesRelatedInstances"]) for one in series] == [(1, 2)]
    assert [(one["SOPInstanceUID"], one["PatientID"]) for one in found] == [(f"{uid}.1.2", "A_1")]
    assert [one["PatientID"] for one in patients] == ["A_1", "AB1", "A*2"]


def test_only_the_first_version_of_an_instance_is_found(archive):
    for seed in (1, 2):
        archive.receive(instances(1, seed=seed)[0])
    with reading(archive.engine) as connection:
        assert len(find(connection, "instance", {})) == 1


def test_pages_of_a_list_follow_each_other(filled):
    with reading(filled.engine) as connection:
        pages = [find(connection, "study", {}, limit=2, offset=offset) for offset in (0, 2, 4)]
        everything = find(connection, "study", {})
    assert [study for page in pages for study in page] == everything


@pytest.mark.parametrize(
    "keys",
    [
        {"StudyDate": "yesterday"},
        {"StudyDate": "2025"},
        {"StudyDate": "-"},
        {"StudyTime": "9 o'clock"},
        {"StudyInstanceUID": "1.2.*"},
        {"StudyInstanceUID": "' OR 1=1"},
        {"NumberOfStudyRelatedSeries": "2"},
        {"SOPInstanceUID": "1.2"},
        {"PixelData": "x"},
    ],
)
def test_a_key_that_cannot_be_matched_is_refused_by_name_and_not_repeated(sqlite_archive, keys):
    ((keyword, value),) = keys.items()
    with reading(sqlite_archive.engine) as connection, pytest.raises(UsageError, match=keyword) as refused:
        find(connection, "study", keys)
    assert len(value) < 5 or value not in str(refused.value)


@pytest.mark.parametrize("value", ["'; DROP TABLE study; --", "%", "\\", "_", "\x1b%", "\U0010ffff"])
def test_a_hostile_key_finds_nothing_and_harms_nothing(filled, value):
    assert studies(filled, PatientID=value) == []
    assert len(studies(filled)) == 5


@pytest.mark.parametrize("most", [1000, 0])
@pytest.mark.parametrize(
    "keys",
    [
        {"StudyDate": "20250101-20250107", "ModalitiesInStudy": "CT"},
        {"StudyDate": "20250101-", "ModalitiesInStudy": "CT", "PatientName": "doe*"},
        {"PatientName": "doe jane"},
        {"PatientName": "*oe*"},
        {"PatientID": "A*"},
        {"AccessionNumber": "A1"},
        {},
    ],
)
def test_no_worklist_is_found_by_looking_at_every_row(sqlite_archive, monkeypatch, keys, most):
    monkeypatch.setattr("firstread.archive.narrowing.MOST", most)
    asked = []

    def listen(connection, cursor, statement, parameters, context, executemany):
        asked.append((statement, parameters))

    event.listen(sqlite_archive.engine, "before_cursor_execute", listen)
    with reading(sqlite_archive.engine) as connection:
        find(connection, "study", keys, limit=50, fuzzy=keys.get("PatientName") == "doe jane")
        event.remove(sqlite_archive.engine, "before_cursor_execute", listen)
        selects = [each for each in asked if each[0].startswith("SELECT")]
        steps = [
            row.detail
            for statement, parameters in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert selects
    assert not [step for step in steps if re.fullmatch(r"SCAN (patient|study|series)\w*", step)]


@pytest.mark.parametrize(("scope", "scans"), [("few", False), ("all", True)])
def test_a_part_of_a_name_is_looked_for_among_the_studies_of_who_sees_few(sqlite_archive, scope, scans):
    within = Study.study_uid == "1.2.3" if scope == "few" else None
    with reading(sqlite_archive.engine) as connection:
        asked = []
        event.listen(sqlite_archive.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        find(connection, "study", {"PatientName": "*oe*"}, limit=50, within=within)
        steps = [
            row.detail
            for statement, parameters in list(asked)
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert any(step.startswith("SCAN patient") for step in steps) == scans
