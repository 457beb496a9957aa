import threading

import pytest

from firstread.archive.files import InstanceFiles
from firstread.archive.store import NAME, new_name
from firstread.errors import ArchiveUnavailable, FirstreadError


@pytest.fixture
def files(tmp_path):
    made = InstanceFiles(tmp_path / "archive")
    yield made
    made.close()


def test_names_keep_a_series_together_and_are_never_the_same():
    one, two = new_name("1.2", "1.3"), new_name("1.2", "1.3")
    assert one != two
    assert one.rpartition("/")[0] == two.rpartition("/")[0]
    assert one.rpartition("/")[0] != new_name("1.2", "1.4").rpartition("/")[0]
    assert NAME.fullmatch(one)


def test_the_same_series_uid_in_two_studies_is_two_folders():
    # A separator that no UID has: "1.2" + "3" is not "1" + "2.3".
    assert new_name("1.2", "3").rpartition("/")[0] != new_name("1", "2.3").rpartition("/")[0]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "ab/cd.dcm", "", "ab/" + "0" * 32 + "/" + "0" * 32 + ".dcm\n"]
)
def test_a_name_that_is_not_the_archives_is_never_followed(files, name):
    with pytest.raises(FirstreadError):
        files.path(name)
    assert not files.is_there(*(new_name("1", "2"), 1))


def test_a_written_file_has_no_name_until_it_is_placed(files):
    written = files.write(new_name("1.2", "1.3"), (b"ab", memoryview(b"cd")))
    assert list(files.names()) == []
    name = new_name("1.2", "1.3")
    files.place([(written, name)])
    files.flush()
    assert list(files.names()) == [name]
    assert files.path(name).read_bytes() == b"abcd"
    assert files.is_there(name, 4)
    assert not files.is_there(name, 5)


def test_a_series_that_was_removed_can_come_again(files):
    for _ in range(2):
        name = new_name("1.2", "1.3")
        files.place([(files.write(name, (b"x",)), name)])
        files.remove(name)
        assert not files.path(name).parent.exists()


def test_what_a_living_process_writes_is_not_swept_and_what_a_dead_one_left_is(files, tmp_path):
    alive = files.write(new_name("1.2", "1.3"), (b"alive",))
    dead = tmp_path / "archive" / "incoming" / "dead"
    dead.mkdir()
    (dead / "half").write_bytes(b"x")
    other = InstanceFiles(tmp_path / "archive")
    try:
        assert alive.read_bytes() == b"alive"
        assert not dead.exists()
    finally:
        other.close()


def test_many_that_open_one_folder_at_once_each_have_their_own(tmp_path):
    ready = threading.Barrier(8)
    opened = []

    def go():
        ready.wait()
        opened.append(InstanceFiles(tmp_path / "archive"))

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = [each.write(new_name("1.2", "1.3"), (b"x",)) for each in opened]
    assert len({path.parent for path in written}) == 8
    for each in opened:
        each.close()
    assert list((tmp_path / "archive" / "incoming").iterdir()) == []


def test_a_folder_that_disappears_is_said(files):
    files.close()
    with pytest.raises(ArchiveUnavailable):
        files.write(new_name("1.2", "1.3"), (b"x",))
