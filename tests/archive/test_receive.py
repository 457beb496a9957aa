import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from firstread.archive import OWN_SOURCE, PRIOR_SOURCE, Part10, open_archive
from firstread.archive.models import Instance, Patient, Series, Study
from firstread.archive.verify import verify
from firstread.errors import ArchiveUnavailable, RefusedInput
from firstread.network.peers import is_ae_title
from tests.archive.samples import file_names, instances, rows
from tests.dicom.ct_series import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG_2000, JPEG_LS, RLE


def content(archive, receipt):
    return archive.files.path(receipt.file).read_bytes()


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG_LS, JPEG_2000, RLE])
def test_an_instance_is_kept_byte_for_byte_in_its_transfer_syntax(sqlite_archive, syntax):
    (instance,) = instances(1, syntax=syntax)
    receipt = sqlite_archive.receive(instance, source="SCANNER")
    assert receipt.outcome == "stored"
    assert content(sqlite_archive, receipt) == instance.header + bytes(instance.dataset)
    (row,) = rows(sqlite_archive, Instance)
    assert (row.transfer_syntax_uid, row.rows, row.columns) == (syntax, 16, 16)
    assert (row.size, row.source) == (instance.size, "SCANNER")


def test_a_series_is_one_patient_one_study_one_series_and_its_numbers(archive):
    for instance in instances(5):
        archive.receive(instance)
    (patient,), (study,), (series,) = (rows(archive, table) for table in (Patient, Study, Series))
    assert (patient.patient_id, patient.name) == ("SYN-1", "Test^Synthetic")
    assert (study.study_date, study.number_of_series, study.number_of_instances) == ("20250102", 1, 5)
    assert (series.modality, series.number_of_instances) == ("CT", 5)
    assert len(file_names(archive)) == 5


def test_the_same_bytes_again_are_accepted_and_not_stored_twice(archive):
    (instance,) = instances(1)
    first = archive.receive(instance)
    again = archive.receive(instance)
    assert (again.outcome, again.file, again.version) == ("duplicate", first.file, 1)
    assert list(archive.files.names()) == [first.file]
    assert rows(archive, Study)[0].number_of_instances == 1


def test_another_sender_of_the_same_data_set_is_a_duplicate(archive):
    (instance,) = instances(1)
    other = Part10.of(
        instance.dataset,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        source_ae="OTHER",
    )
    assert other.header != instance.header
    archive.receive(instance)
    assert archive.receive(other).outcome == "duplicate"


def test_other_bytes_under_one_sop_uid_are_kept_apart_and_flagged_and_never_overwrite(archive):
    (first,) = instances(1, seed=1)
    (other,) = instances(1, seed=2)
    kept = archive.receive(first)
    apart = archive.receive(other)
    assert (apart.outcome, apart.version) == ("conflict", 2)
    assert content(archive, kept) == first.header + bytes(first.dataset)
    assert content(archive, apart) == other.header + bytes(other.dataset)
    (study,) = rows(archive, Study)
    assert (study.conflicts, study.number_of_instances) == (1, 1)
    assert archive.receive(other).outcome == "duplicate"
    assert archive.receive(first).outcome == "duplicate"


def test_the_same_instance_in_another_transfer_syntax_is_kept_apart(archive):
    archive.receive(instances(1, syntax=EXPLICIT)[0])
    assert archive.receive(instances(1, syntax=JPEG_LS)[0]).outcome == "conflict"


def test_a_duplicate_takes_the_place_of_a_file_that_is_gone(archive):
    (instance,) = instances(1)
    lost = archive.receive(instance)
    archive.files.path(lost.file).unlink()
    again = archive.receive(instance)
    assert again.outcome == "duplicate"
    assert content(archive, again) == instance.header + bytes(instance.dataset)
    assert verify(archive).sound


def test_another_patient_in_a_study_is_flagged(archive):
    archive.receive(instances(1)[0])
    archive.receive(instances(1, first=9, change=lambda ds: setattr(ds, "PatientID", "SYN-2"))[0])
    (study,) = rows(archive, Study)
    assert study.inconsistent
    assert rows(archive, Patient)[0].patient_id == "SYN-1"


def test_two_studies_without_a_patient_id_are_not_one_patient(archive):
    for study in (1, 2):
        archive.receive(instances(1, study=study, change=lambda ds: setattr(ds, "PatientID", ""))[0])
    assert len(rows(archive, Patient)) == 2


def test_many_threads_store_everything_once(archive):
    sent = [*instances(12), *instances(12, series=2), *instances(12, study=2)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = [receipt.outcome for receipt in pool.map(archive.receive, sent * 2)]
    assert (outcomes.count("stored"), outcomes.count("duplicate")) == (36, 36)
    assert sorted(study.number_of_instances for study in rows(archive, Study)) == [12, 24]
    assert sorted(archive.files.names()) == sorted(file_names(archive))


def test_two_openings_that_store_the_same_at_once_agree(archive, tmp_path, database_url):
    sent = instances(10)
    both = threading.Barrier(2)

    def send(receive):
        both.wait()
        return [receive(instance) for instance in sent]

    with open_archive(tmp_path / "archive", url=database_url) as other, ThreadPoolExecutor(2) as pool:
        mine, theirs = pool.map(send, [archive.receive, other.receive])
    for one, two in zip(mine, theirs, strict=True):
        assert {one.outcome, two.outcome} == {"stored", "duplicate"}
        assert one.file == two.file
    assert sorted(archive.files.names()) == sorted(file_names(archive))
    assert rows(archive, Study)[0].number_of_instances == 10


def test_what_cannot_be_parsed_is_refused_and_leaves_nothing(sqlite_archive, tmp_path):
    (instance,) = instances(1)
    damaged = Part10(*instance_uids(instance), header=instance.header, dataset=memoryview(b"\x08\x00\x05"))
    with pytest.raises(RefusedInput):
        sqlite_archive.receive(damaged)
    assert [path for path in (tmp_path / "archive").rglob("*") if path.suffix == ".dcm"] == []
    assert rows(sqlite_archive, Study) == []


def instance_uids(instance):
    return instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize(
    "uid", ["../../../etc/cron.d/x", "1.2/../3", "1.2.3\n", "", "1" * 65, "1..2", "１.２"]
)
def test_a_hostile_uid_is_refused_before_it_touches_a_path(sqlite_archive, tmp_path, keyword, uid):
    (instance,) = instances(1)
    # In the encoded bytes, where no library objects: the value is as long as the field.
    good = instance.dataset.tobytes()
    value = {"StudyInstanceUID": b"\x0d\0", "SeriesInstanceUID": b"\x0e\0", "SOPInstanceUID": b"\x18\0"}[
        keyword
    ]
    tag = (b"\x08\0" if keyword == "SOPInstanceUID" else b"\x20\0") + value + b"UI"
    at = good.index(tag)
    length = int.from_bytes(good[at + 6 : at + 8], "little")
    bad = uid.encode("utf-8")
    bad += b"\0" * (len(bad) % 2)
    changed = good[: at + 6] + len(bad).to_bytes(2, "little") + bad + good[at + 8 + length :]
    hostile = Part10(*instance_uids(instance), header=instance.header, dataset=memoryview(changed))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RefusedInput):
        sqlite_archive.receive(hostile)
    assert sorted(tmp_path.rglob("*")) == before
    assert rows(sqlite_archive, Instance) == []


def test_values_that_a_database_would_not_take_are_cleaned(archive):
    def spoil(ds):
        ds.PatientName = "Nul\0l^\x07Bell"
        ds.StudyDescription = "x" * 5000
        ds.InstanceNumber = "99999999999"
        ds.StudyDate = "2025.01.02"

    with pytest.warns(UserWarning):
        sent = instances(1, change=spoil)
    archive.receive(sent[0])
    (study,), (patient,) = rows(archive, Study), rows(archive, Patient)
    assert patient.name == "Null^Bell"
    assert len(study.description) == 256
    assert study.study_date == "20250102"
    assert rows(archive, Instance)[0].number is None


def test_folders_and_files_are_their_owners_alone(sqlite_archive):
    sqlite_archive.receive(instances(1)[0])
    modes = {path.stat().st_mode & 0o077 for path in sqlite_archive.folder.rglob("*")}
    assert modes == {0}


def test_a_database_that_goes_away_loses_nothing_that_was_acknowledged(
    tmp_path, postgres_server, postgres_url
):
    sent = instances(40)
    acknowledged, refused = [], []
    with open_archive(tmp_path / "archive", url=postgres_url) as archive:

        def send(instance):
            try:
                acknowledged.append(archive.receive(instance))
            except ArchiveUnavailable:
                refused.append(instance)

        with ThreadPoolExecutor(4) as pool:
            going = [pool.submit(send, instance) for instance in sent[:20]]
            going[3].result()
            postgres_server.stop()
            try:
                going += [pool.submit(send, instance) for instance in sent[20:30]]
                for one in going:
                    one.result()
                assert refused
            finally:
                postgres_server.start()
            for instance in [*refused, *sent[30:]]:
                archive.receive(instance)
        found = verify(archive)
        assert found.sound
        assert found.files == 40
        assert {receipt.sop_instance_uid for receipt in acknowledged} <= {
            row.sop_instance_uid for row in rows(archive, Instance)
        }


def test_senders_that_try_again_do_not_fill_the_disk_while_the_database_is_away(
    tmp_path, postgres_server, postgres_url
):
    first, second = instances(2)
    with open_archive(tmp_path / "archive", url=postgres_url) as archive:
        kept = archive.receive(first).file
        postgres_server.stop()
        try:
            for _ in range(3):
                with pytest.raises(ArchiveUnavailable):
                    archive.receive(second)
            assert list(archive.files.names()) == [kept]
        finally:
            postgres_server.start()
        assert archive.receive(second).outcome == "stored"
        assert verify(archive).sound


def test_own_results_are_listed_with_their_study_and_do_not_make_it_newly_received(archive):
    for instance in instances(2):
        archive.receive(instance, source="SCANNER")
    (before,) = rows(archive, Study)
    for instance in instances(3, series=9):
        assert archive.receive(instance, source=OWN_SOURCE).outcome == "stored"
    (after,) = rows(archive, Study)
    assert after.last_received_at == before.last_received_at
    assert (after.number_of_series, after.number_of_instances) == (2, 5)


def test_an_image_that_comes_after_own_results_makes_its_study_newly_received(sqlite_archive):
    (own,), (image,) = instances(1, series=9), instances(1)
    sqlite_archive.receive(own, source=OWN_SOURCE)
    (before,) = rows(sqlite_archive, Study)
    sqlite_archive.receive(image, source="SCANNER")
    assert rows(sqlite_archive, Study)[0].last_received_at > before.last_received_at


def test_a_prior_that_comes_by_itself_makes_its_study_newly_received(archive):
    fetched = instances(2)
    for instance in fetched:
        archive.receive(instance, source=PRIOR_SOURCE)
    (before,) = rows(archive, Study)
    for source in (PRIOR_SOURCE, OWN_SOURCE):
        assert archive.receive(fetched[0], source=source).outcome == "duplicate"
    assert rows(archive, Study)[0].last_received_at == before.last_received_at
    assert archive.receive(fetched[0], source="SCANNER").outcome == "duplicate"
    (after,) = rows(archive, Study)
    assert after.last_received_at > before.last_received_at
    assert [row.source for row in rows(archive, Instance)] == ["SCANNER", PRIOR_SOURCE]
    archive.receive(fetched[0], source="SCANNER")
    assert rows(archive, Study)[0].last_received_at == after.last_received_at


@pytest.mark.parametrize("first", [OWN_SOURCE, "PACS"])
def test_an_own_result_that_comes_back_in_other_bytes_is_kept_and_is_no_conflict(archive, first):
    def coerce(ds):
        ds.AccessionNumber = "FROM-PACS"

    (own,), (coerced,) = instances(1), instances(1, change=coerce)
    (recoded,) = instances(1, syntax=JPEG_LS)
    sources = {first, "PACS", OWN_SOURCE}
    archive.receive(own, source=first)
    (before,) = rows(archive, Study)
    back = [archive.receive(each, source=(sources - {first}).pop()) for each in (coerced, recoded)]
    assert [receipt.outcome for receipt in back] == ["returned", "returned"]
    assert len({content(archive, receipt) for receipt in back}) == 2
    (after,) = rows(archive, Study)
    assert (after.conflicts, after.number_of_instances) == (0, 1)
    assert after.last_received_at == before.last_received_at


def test_an_own_result_of_which_the_patient_was_half_read_leaves_its_study_consistent(archive):
    def unnamed(ds):
        ds.PatientID = ""

    archive.receive(instances(1)[0], source="SCANNER")
    archive.receive(instances(1, series=9, change=unnamed)[0], source=OWN_SOURCE)
    assert not rows(archive, Study)[0].inconsistent


def test_no_peer_can_call_itself_what_own_results_come_from():
    assert not is_ae_title(OWN_SOURCE)
