import pytest

from firstread.archive import locate as module
from firstread.archive.database import reading
from firstread.archive.locate import locate, locate_matches
from firstread.errors import UsageError
from tests.archive.samples import instances
from tests.dicom.ct_series import EXPLICIT, ROOT


@pytest.fixture
def filled(archive):
    for instance in reversed(instances(3)):
        archive.receive(instance)
    archive.receive(instances(1, seed=1)[0])  # other bytes under the first one's UID
    return archive


def test_instances_are_located_by_their_uids_and_the_rest_is_left_out(filled, monkeypatch):
    monkeypatch.setattr(module, "PORTION", 2)
    uids = [each.sop_instance_uid for each in instances(3)]
    with reading(filled.engine) as connection:
        found = locate(connection, [*uids, "1.2.3"])
        assert locate(connection, []) == {}
    assert set(found) == set(uids)
    first = found[uids[0]]
    assert filled.files.path(first.file).stat().st_size == first.size
    assert first.transfer_syntax_uid == EXPLICIT
    assert filled.files.path(first.file).read_bytes().endswith(bytes(instances(1)[0].dataset))  # version 1


def test_matches_come_by_number(filled):
    with reading(filled.engine) as connection:
        found = locate_matches(connection, {"StudyInstanceUID": f"{ROOT}.1"})
        assert [each.sop_instance_uid[-1] for each in found] == ["1", "2", "3"]
        assert len(locate_matches(connection, {"StudyInstanceUID": f"{ROOT}.1"}, limit=2)) == 2
        assert locate_matches(connection, {"PatientID": "nobody"}) == []
        with pytest.raises(UsageError):
            locate_matches(connection, {"PixelData": "x"})
