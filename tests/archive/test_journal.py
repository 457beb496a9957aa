import os
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from firstread.archive import open_archive
from firstread.archive.journal import Entry, Journal, read_segment
from firstread.archive.models import Instance
from firstread.archive.verify import digest_of, verify
from firstread.errors import ArchiveFull, ArchiveUnavailable
from tests.archive.samples import instances, rows

KILLED = """
import os, sys
from pathlib import Path
from firstread.archive import Part10, open_archive
archive = open_archive(Path(sys.argv[1]))
for file in sys.argv[2:]:
    archive.receive(Part10.parse(Path(file).read_bytes()))
os.kill(os.getpid(), 9)
"""


def entry(instance):
    return Entry(instance, instance.digests()[0], "SCANNER")


@pytest.fixture
def sent(tmp_path):
    """Three instances, and their files."""
    made = instances(3)
    files = []
    for n, each in enumerate(made):
        files.append(tmp_path / f"{n}.dcm")
        files[-1].write_bytes(each.header + bytes(each.dataset))
    return made, files


@pytest.fixture
def killed(tmp_path, sent):
    """An archive whose process acknowledged three instances and was killed before it flushed their files and rows."""
    folder = tmp_path / "archive"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), *map(str, sent[1])], env=dict(os.environ)
    )
    assert done.returncode == -9
    assert list(folder.glob("journal/*/*.log"))
    return folder


def test_what_is_in_the_journal_reads_back_byte_for_byte(tmp_path, sent):
    settled = []
    journal = Journal(tmp_path, lambda: settled.append([list(read_segment(each)) for each in segments()]))

    def segments():
        return sorted(tmp_path.glob("journal/*/*.log"))

    entries = [entry(each) for each in sent[0]]
    for each in entries:
        journal.put(each)
        each.durable.result(10)
        journal.answered(each)
    journal.close()
    (found,) = settled[0]
    assert [(each.instance, each.source) for each in found] == [(each, "SCANNER") for each in sent[0]]
    assert not list(tmp_path.glob("journal/*"))


def test_a_segment_stays_while_one_of_its_instances_is_undecided(tmp_path, sent):
    settled = []
    journal = Journal(tmp_path, lambda: settled.append(True))
    first, second = entry(sent[0][0]), entry(sent[0][1])
    for each in (first, second):
        journal.put(each)
        each.durable.result(10)
    journal.answered(first)
    journal._queue.put(None)  # as in closing, which would wait
    journal._writer.join(10)
    assert settled == []
    journal.answered(second)
    journal._settler.join(10)
    assert settled == [True]


def test_a_record_that_was_cut_off_ends_the_segment(tmp_path, killed):
    (segment,) = killed.glob("journal/*/*.log")
    content = segment.read_bytes()
    for cut in (1, 40, len(content) // 3 + 5):
        segment.write_bytes(content[:-cut])
        assert len(list(read_segment(segment))) == (2 if cut < len(content) // 3 else 1)
    segment.write_bytes(content[: len(content) // 2] + b"\xff" + content[len(content) // 2 + 1 :])
    assert len(list(read_segment(segment))) == 1


def stored_as_sent(folder, sent):
    with open_archive(folder) as archive:
        checked = verify(archive)
        assert checked.sound
        found = {
            row.sop_instance_uid: digest_of(archive.files.path(row.file)) for row in rows(archive, Instance)
        }
    assert found == {
        each.sop_instance_uid: sha256(each.header + bytes(each.dataset)).hexdigest() for each in sent
    }
    assert not list(folder.glob("journal/*"))
    return checked.strays


def test_a_killed_process_leaves_a_journal_that_the_next_opening_takes_up(killed, sent):
    assert stored_as_sent(killed, sent[0]) == ()


@pytest.mark.parametrize("damage", ["files gone", "files empty", "files zeroed", "rows gone", "both gone"])
def test_what_the_power_took_from_files_and_rows_comes_back_from_the_journal(killed, sent, damage):
    stored = sorted(killed.rglob("instances/*/*/*.dcm"))
    assert len(stored) == 3
    for path in stored:
        if damage in ("files gone", "both gone"):
            path.unlink()
        elif damage == "files empty":
            path.write_bytes(b"")
        elif damage == "files zeroed":
            path.write_bytes(bytes(path.stat().st_size))
    if damage in ("rows gone", "both gone"):
        with sqlite3.connect(killed / "archive.sqlite") as database:
            for table in ("instance", "series", "study", "patient"):
                database.execute(f"DELETE FROM {table}")
        database.close()
    stored_as_sent(killed, sent[0])


def test_a_journal_that_cannot_be_flushed_refuses_by_name_and_goes_on_in_another_segment(
    tmp_path, monkeypatch, sent
):
    journal = Journal(tmp_path, lambda: None)
    good, bad, later = (entry(each) for each in sent[0])
    journal.put(good)
    good.durable.result(10)
    flush = os.fdatasync

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    journal.put(bad)
    with pytest.raises(ArchiveFull):
        bad.durable.result(10)
    monkeypatch.setattr(os, "fdatasync", flush)
    journal.put(later)
    later.durable.result(10)
    first, second = sorted(tmp_path.glob("journal/*/*.log"))
    assert [each.instance for each in read_segment(first)] == [sent[0][0]]
    assert [each.instance for each in read_segment(second)] == [sent[0][2]]
    for each in (good, bad, later):
        journal.answered(each)
    journal.close()


def test_a_segment_that_cannot_be_settled_is_kept_for_the_next_opening(tmp_path, sent):
    def fails():
        raise ArchiveUnavailable("away")

    journal = Journal(tmp_path, fails)
    one = entry(sent[0][0])
    journal.put(one)
    one.durable.result(10)
    journal.answered(one)
    journal.close()
    (segment,) = tmp_path.glob("journal/*/*.log")
    assert len(list(read_segment(segment))) == 1
    with open_archive(Path(tmp_path)) as archive:
        assert [row.sop_instance_uid for row in rows(archive, Instance)] == [sent[0][0].sop_instance_uid]
