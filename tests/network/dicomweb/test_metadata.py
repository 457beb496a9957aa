from firstread.archive.derived import read_derived
from firstread.archive.removing import remove
from firstread.network.dicomweb.metadata import MetadataKeeper
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT

STUDY = f"{ROOT}.1"


def test_metadata_is_served_from_the_cache(web, sqlite_archive):
    receipts = [sqlite_archive.receive(instance) for instance in instances(3)]
    first = web.get(f"/studies/{STUDY}/metadata").json()
    for receipt in receipts:  # what is not looked at need not be there
        sqlite_archive.files.path(receipt.file).write_bytes(b"")
    assert web.get(f"/studies/{STUDY}/metadata").json() == first


def test_what_comes_later_is_added_and_a_damaged_cache_is_made_again(web, sqlite_archive):
    made = instances(3)
    receipt = sqlite_archive.receive(made[0])
    assert len(web.get(f"/studies/{STUDY}/metadata").json()) == 1
    for instance in made[1:]:
        sqlite_archive.receive(instance)
    whole = web.get(f"/studies/{STUDY}/metadata").json()
    assert len(whole) == 3
    (cache,) = [path for path in sqlite_archive.files.derived.rglob("*") if path.is_file()]
    content = cache.read_bytes()
    for damaged in (
        content[:-5],
        content[: len(content) // 2] + b"?" + content[len(content) // 2 + 1 :],
        b"x",
    ):
        cache.write_bytes(damaged)
        assert web.get(f"/studies/{STUDY}/metadata").json() == whole
        assert len(read_derived(sqlite_archive.files, receipt.file)) == 3


def test_nothing_derived_outlives_what_it_was_derived_from(web, sqlite_archive):
    sqlite_archive.receive(instances(1)[0])
    web.get(f"/studies/{STUDY}/metadata")
    remove(sqlite_archive, STUDY)
    assert not [path for path in sqlite_archive.files.derived.rglob("*") if path.is_file()]


def test_what_is_received_is_derived_before_anybody_asks(sqlite_archive):
    keeper = MetadataKeeper(sqlite_archive, every_s=0.02)
    try:
        receipt = sqlite_archive.receive(instances(1)[0])
        assert keeper.wait(30)
    finally:
        keeper.close()
    assert len(read_derived(sqlite_archive.files, receipt.file)) == 1


def test_waiting_for_what_is_not_derived_in_time_says_so(sqlite_archive):
    keeper = MetadataKeeper(sqlite_archive, every_s=3600)
    try:
        assert keeper.wait(0)
        sqlite_archive.receive(instances(1)[0])
        assert not keeper.wait(0)
    finally:
        keeper.close()
