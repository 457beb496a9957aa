import pytest

from firstread.archive.database import reading
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


@pytest.fixture
def filled(archive):
    for study, name, patient, date, time, modality, description in PEOPLE:

        def change(ds, values=(name, patient, date, time, modality, description)):
            ds.SpecificCharacterSet = "ISO_IR 192"
            ds.PatientName, ds.PatientID, ds.StudyDate, ds.StudyTime = values[:4]
            ds.Modality, ds.StudyDescription = values[4:]

        for instance in instances(2, study=study, change=change):
            archive.receive(instance)
    (structured,) = instances(1, study=1, series=2, change=lambda ds: setattr(ds, "Modality", "SR"))
    archive.receive(structured)
    return archive


def studies(archive, **keys):
    """The last component of the Study UIDs that are found."""
    with reading(archive.engine) as connection:
        return [
            int(study["StudyInstanceUID"].rpartition(".")[2]) for study in find(connection, "study", keys)
        ]


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
