import pytest
from sqlalchemy import update

from firstread.archive.database import writing
from firstread.archive.models import Study
from tests.archive.samples import file_names, instances
from tests.dicom.ct_series import ROOT

STUDY, SERIES = f"{ROOT}.1", f"{ROOT}.1.1"


@pytest.fixture
def filled(web, sqlite_archive):
    for series in (1, 2):
        for instance in instances(2, series=series):
            sqlite_archive.receive(instance)
    return web


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1", 3),
        (f"/studies/{STUDY}/series/{SERIES}", 2),
        (f"/studies/{STUDY}", 0),
    ],
)
def test_what_is_deleted_is_gone_with_its_files_and_is_404_afterwards(filled, sqlite_archive, path, left):
    answer = filled.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert len(file_names(sqlite_archive)) == len(list(sqlite_archive.files.names())) == left
    assert filled.delete(path).status_code == filled.get(f"{path}/metadata").status_code == 404


def test_a_held_study_is_409_and_stays(filled, sqlite_archive):
    with writing(sqlite_archive.engine) as connection:
        connection.execute(update(Study).values(held=True))
    for path in (f"/studies/{STUDY}", f"/studies/{STUDY}/series/{SERIES}"):
        assert filled.delete(path).status_code == 409
    assert len(file_names(sqlite_archive)) == 4


@pytest.mark.parametrize("path", ["/studies", "/studies/..%2F..", "/studies/1.2/series/x"])
def test_nothing_is_deleted_without_a_uid(filled, sqlite_archive, path):
    assert filled.delete(path).status_code in (400, 404, 405)
    assert len(file_names(sqlite_archive)) == 4
