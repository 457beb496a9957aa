"""Instances in a bucket, over HTTP to a real object store."""

import threading
from concurrent.futures import ThreadPoolExecutor

import obstore
import pytest

from firstread.archive import open_archive
from firstread.archive.backup import backup, restore
from firstread.archive.models import Instance
from firstread.archive.objects import Bucket
from firstread.archive.removing import remove
from firstread.archive.store import new_name
from firstread.archive.verify import verify
from firstread.errors import AlteredInstance, ArchiveUnavailable, UsageError
from tests.archive.samples import instances, rows
from tests.object_store import bucket_of, object_store
from tests.system.proxy import Proxy, to_port

PREFIX = "hospital/ct"


@pytest.fixture(scope="module")
def store():
    with object_store() as running:
        yield running


@pytest.fixture
def name(store):
    return store.new_bucket()


@pytest.fixture
def lying(store, name):
    """What lies in the bucket, without firstread."""
    client = store.client(name)
    return lambda: {each["path"]: each["size"] for listed in obstore.list(client) for each in listed}


@pytest.fixture
def archive(tmp_path, store, name):
    with open_archive(tmp_path / "archive", bucket=bucket_of(name, store.port, tmp_path / "cache")) as opened:
        yield opened


@pytest.fixture
def overwrite(store, name):
    """Damage a stored object, which nothing of firstread ever does."""
    client = store.client(name)
    return lambda file, content: obstore.put(client, f"{PREFIX}/{file}", content)


def content(archive, file):
    with archive.files.at_hand(file) as (path,):
        return path.read_bytes()


def test_what_is_acknowledged_is_in_the_bucket_as_it_came(archive, lying, tmp_path):
    sent = instances(3)
    receipts = [archive.receive(each) for each in sent]
    assert lying() == {
        f"{PREFIX}/{receipt.file}": each.size for receipt, each in zip(receipts, sent, strict=True)
    }
    for receipt, each in zip(receipts, sent, strict=True):
        assert content(archive, receipt.file) == each.header + bytes(each.dataset)
    assert not (tmp_path / "archive" / "instances").exists()
    found = verify(archive)
    assert (found.sound, found.files, found.strays) == (True, 3, ())


def test_many_senders_at_once_and_their_duplicates_are_each_stored_once(archive, lying):
    sent = instances(16)
    with ThreadPoolExecutor(8) as pool:
        outcomes = [receipt.outcome for receipt in pool.map(archive.receive, sent * 2)]
    assert sorted(outcomes) == ["duplicate"] * 16 + ["stored"] * 16
    assert len(lying()) == 16


def test_a_second_host_reads_what_the_first_received(archive, store, name, tmp_path, postgres_url):
    first = open_archive(
        tmp_path / "one", url=postgres_url, bucket=bucket_of(name, store.port, tmp_path / "cache1")
    )
    second = open_archive(
        tmp_path / "two", url=postgres_url, bucket=bucket_of(name, store.port, tmp_path / "cache2")
    )
    with first, second:
        (sent,) = instances(1)
        receipt = first.receive(sent)
        assert content(second, receipt.file) == sent.header + bytes(sent.dataset)
        assert second.receive(sent).outcome == "duplicate"


def test_a_host_that_is_lost_takes_nothing_along_that_was_acknowledged(store, name, tmp_path, postgres_url):
    (sent,) = instances(1)
    lost = open_archive(
        tmp_path / "lost", url=postgres_url, bucket=bucket_of(name, store.port, tmp_path / "cache")
    )
    receipt = lost.receive(sent)  # its journal is never replayed: the disk is gone with the host
    with open_archive(
        tmp_path / "other", url=postgres_url, bucket=bucket_of(name, store.port, tmp_path / "cache2")
    ) as other:
        assert content(other, receipt.file) == sent.header + bytes(sent.dataset)
        assert verify(other).sound
    lost.close()


def test_a_name_is_never_used_twice(archive):
    file = new_name("1.2", "1.3")
    archive.files.write(file, (b"ab", memoryview(b"cd")))
    archive.files.write(file, (b"abcd",))  # a second try: the answer to the first was lost
    with pytest.raises(ArchiveUnavailable):
        archive.files.write(file, (b"abce",))
    assert b"".join(archive.files.pieces(file)) == b"abcd"


def test_a_damaged_object_is_never_given_and_verify_names_it(archive, overwrite):
    one, two = (archive.receive(each) for each in instances(2))
    good = content(archive, one.file)  # kept on this host from now on
    overwrite(one.file, b"x" * 100)
    overwrite(two.file, b"x" * rows(archive, Instance)[1].size)
    assert content(archive, one.file) == good
    with pytest.raises(AlteredInstance, match="not as it came"):
        content(archive, two.file)
    assert {fault.fault for fault in verify(archive).faults} == {"damaged"}
    assert len(verify(archive).faults) == 2


def test_an_object_that_is_gone_is_missed_and_comes_back_when_it_is_sent_again(archive, store, name):
    (sent,) = instances(1)
    receipt = archive.receive(sent)
    obstore.delete(store.client(name), f"{PREFIX}/{receipt.file}")
    with archive.files.at_hand(receipt.file) as (path,):
        assert not path.exists()
    assert [fault.fault for fault in verify(archive).faults] == ["missing"]
    assert archive.receive(sent).outcome == "duplicate"
    assert verify(archive).sound


def test_what_is_removed_is_removed_from_the_bucket_and_from_this_host(archive, lying, tmp_path):
    receipts = [archive.receive(each) for each in instances(2)]
    for receipt in receipts:
        content(archive, receipt.file)
    assert list((tmp_path / "cache").rglob("*.dcm"))
    remove(archive, receipts[0].study_uid)
    assert lying() == {}
    assert not list((tmp_path / "cache").rglob("*.dcm"))


def test_strays_are_told_and_young_ones_kept(archive):
    receipt = archive.receive(instances(1)[0])
    stray = new_name("1.2", "1.3")
    archive.files.write(stray, (b"x",))
    assert verify(archive, tidy=True).strays == (stray,)
    assert not archive.files.remove_stray(stray, 3600.0)
    assert archive.files.remove_stray(stray, 0.0)
    assert set(archive.files.names()) == {receipt.file}


def test_a_backup_of_a_bucket_is_files_and_goes_back_into_a_bucket_or_a_folder(archive, store, tmp_path):
    receipts = [archive.receive(each) for each in instances(3)]
    copied = backup(archive, tmp_path / "backup")
    assert (copied.files, copied.copied, copied.faults) == (3, 3, ())
    with open_archive(tmp_path / "folder") as into:
        restore(into, tmp_path / "backup")
        assert verify(into).sound
    into_bucket = bucket_of(store.new_bucket(), store.port, tmp_path / "cache2")
    with open_archive(tmp_path / "bucket", bucket=into_bucket) as into:
        assert restore(into, tmp_path / "backup").copied == 3
        assert verify(into).sound
        assert content(into, receipts[0].file) == content(archive, receipts[0].file)


def test_what_the_journal_of_a_process_that_was_cut_off_has_is_put_again(store, name, tmp_path):
    bucket = bucket_of(name, store.port, tmp_path / "cache")
    (sent,) = instances(1)
    cut_off = open_archive(tmp_path / "archive", bucket=bucket)
    receipt = cut_off.receive(sent)
    journal = next((tmp_path / "archive" / "journal").glob("*/*.log")).read_bytes()
    cut_off.close()
    (tmp_path / "archive" / "journal" / "gone").mkdir()
    (tmp_path / "archive" / "journal" / "gone" / "000001.log").write_bytes(journal)
    obstore.delete(store.client(name), f"{PREFIX}/{receipt.file}")
    with open_archive(tmp_path / "archive", bucket=bucket) as again:
        assert verify(again).sound
        assert rows(again, Instance)[0].file != receipt.file


def test_an_upload_that_is_cut_off_is_not_acknowledged_and_leaves_nothing(store, name, lying, tmp_path):
    cuts = iter([(3000, "reset"), (3000, "close")])
    sent = instances(1, size=256)[0]
    with (
        Proxy(to_port(store.port), lambda: next(cuts, None)) as proxy,
        open_archive(tmp_path / "archive", bucket=bucket_of(name, proxy.port, tmp_path / "cache")) as archive,
    ):
        told = []
        for _ in range(3):
            try:
                told.append(archive.receive(sent).outcome)
                break
            except ArchiveUnavailable:
                told.append("not acknowledged")
                assert lying() == {}
        assert proxy.cuts
        assert told[-1] == "stored"
        assert list(lying().values()) == [sent.size]
        assert verify(archive).sound


def test_a_store_that_goes_away_is_said_and_all_goes_on_when_it_is_back(tmp_path, store, name):
    one, two = instances(2)
    away = threading.Event()
    with (
        Proxy(to_port(store.port), lambda: (0, "reset") if away.is_set() else None) as proxy,
        open_archive(tmp_path / "archive", bucket=bucket_of(name, proxy.port, tmp_path / "cache")) as archive,
    ):
        receipt = archive.receive(one)
        away.set()
        proxy.hang_up()
        with pytest.raises(ArchiveUnavailable, match="object store"):
            archive.receive(two)
        with pytest.raises(ArchiveUnavailable, match="object store"):
            content(archive, receipt.file)
        with pytest.raises(ArchiveUnavailable, match="object store"):
            verify(archive)
        away.clear()
        assert archive.receive(two).outcome == "stored"
        assert content(archive, receipt.file) == one.header + bytes(one.dataset)
        assert verify(archive).sound


def test_neither_keys_nor_addresses_are_in_what_is_said(tmp_path, store):
    bucket = bucket_of("no-such-bucket", store.port, tmp_path / "cache")
    with (
        open_archive(tmp_path / "archive", bucket=bucket) as archive,
        pytest.raises(ArchiveUnavailable) as told,
    ):
        archive.receive(instances(1)[0])
    for text in (str(told.value), repr(told.value), repr(bucket)):
        assert "hidden" not in text
    assert "127.0.0.1" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["http://bucket/x", "s3:///x", "s3://key:secret@bucket/x", "s3://bucket/x?y=z", "bucket"]
)
def test_an_address_that_is_none_is_refused(tmp_path, url):
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        open_archive(tmp_path / "archive", bucket=Bucket(url, {}, tmp_path / "cache", 1 << 30))
