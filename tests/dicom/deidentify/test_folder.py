import pytest
from pydicom import dcmread

from firstread.dicom.deidentify.deidentify import Deidentifier
from firstread.dicom.deidentify.folder import deidentify_sources
from firstread.dicom.deidentify.options import options_of
from firstread.dicom.deidentify.pseudonyms import Pseudonyms
from firstread.dicom.discover import sources
from firstread.dicom.quiet import quiet
from firstread.errors import NothingReadable
from tests.dicom.ct_series import anatomy, ct_series, encode, write, write_zip
from tests.dicom.deidentify.planted import source_of

WORKER = Deidentifier(Pseudonyms(b"k" * 32))


def test_a_folder_becomes_patient_study_series_instance(tmp_path):
    write(tmp_path / "in", ct_series(anatomy(3, 16)))
    (tmp_path / "in" / "notes.txt").write_text("of Mueller" * 20)
    outcome = deidentify_sources(sources(tmp_path / "in"), WORKER, tmp_path / "out")
    assert (outcome.instances, len(outcome.patients), len(outcome.studies), outcome.others) == (3, 1, 1, 1)
    files = sorted((tmp_path / "out").rglob("*.*cm"))
    assert len(files) == 3
    for path in files:
        read = dcmread(path)
        assert path.relative_to(tmp_path / "out").parts == (
            read.PatientID,
            read.StudyInstanceUID,
            read.SeriesInstanceUID,
            f"{read.SOPInstanceUID}.dcm",
        )


def test_the_same_again_gives_the_same_files(tmp_path):
    listed = [source_of(encode(each)) for each in ct_series(anatomy(2, 16))]
    for _ in range(2):
        deidentify_sources(listed, WORKER, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2


def test_a_zip_whose_names_climb_out_writes_only_where_it_was_told(tmp_path):
    path = write_zip(tmp_path / "in.zip", ct_series(anatomy(2, 16)), pattern="../../../{:04d}")
    deidentify_sources(sources(path), WORKER, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2
    assert not list(tmp_path.parent.glob("000*"))


@pytest.mark.parametrize("uid", ["../../evil", "1.2/../../3", "..", "1.2.3\\4.5"])
def test_a_uid_that_is_a_path_never_becomes_one(uid, tmp_path):
    (dataset,) = ct_series(anatomy(1, 16))
    with quiet():
        dataset.SeriesInstanceUID = uid
        content = encode(dataset)
    with pytest.raises(NothingReadable):
        deidentify_sources(
            [source_of(content)],
            Deidentifier(WORKER.pseudonyms, options_of(["uids"])),
            tmp_path / "a" / "b" / "out",
        )
    assert not list(tmp_path.rglob("*.dcm"))


def test_a_dry_run_verifies_and_writes_nothing(tmp_path):
    listed = [source_of(encode(each)) for each in ct_series(anatomy(2, 16))]
    assert deidentify_sources(listed, WORKER, None).instances == 2
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_is_counted_by_its_reason_and_the_rest_is_done(tmp_path):
    good, captured = ct_series(anatomy(2, 16))
    captured.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    outcome = deidentify_sources(
        [source_of(encode(each)) for each in (good, captured)], WORKER, tmp_path / "out"
    )
    assert outcome.instances == 1
    assert list(outcome.refused) == ["The image may show text that identifies: it is a secondary capture."]


def test_nothing_is_released_where_the_crosswalk_cannot_be_written(tmp_path):
    def fail(outcome):
        assert outcome.instances == 1
        assert not list((tmp_path / "out").glob("P*"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        deidentify_sources(
            [source_of(encode(ct_series(anatomy(1, 16))[0]))], WORKER, tmp_path / "out", before_release=fail
        )
    assert not (tmp_path / "out").exists()


def test_two_instances_of_one_uid_do_not_replace_each_other(tmp_path):
    first, second = ct_series(anatomy(2, 16))
    second.SOPInstanceUID = first.SOPInstanceUID
    outcome = deidentify_sources(
        [source_of(encode(each)) for each in (first, second)], WORKER, tmp_path / "out"
    )
    assert (outcome.instances, outcome.refused.total()) == (1, 1)


def test_real_scans_are_de_identified_valid_and_keep_their_pixels(tmp_path, shared_ct, debian_tool):
    """Of each of the six, a few slices of the middle."""
    from tests.dicom.validators import dciodvfy_errors

    program = debian_tool("dciodvfy")
    for folder in sorted(path for path in shared_ct.iterdir() if path.is_dir()):
        files = sorted(folder.rglob("*.dcm"))
        chosen = files[len(files) // 2 :][:3]
        out = tmp_path / folder.name
        outcome = deidentify_sources(
            [each for path in chosen for each in sources(path)],
            Deidentifier(WORKER.pseudonyms, options_of(["modified-dates,clean-descriptors,device-identity"])),
            out,
        )
        assert (outcome.instances, len(outcome.patients)) == (3, 1)
        before = {error for path in chosen for error in dciodvfy_errors(path, program)}
        made = sorted(out.rglob("*.dcm"), key=lambda path: int(dcmread(path).InstanceNumber))
        assert {error for path in made for error in dciodvfy_errors(path, program)} <= before
        originals = sorted((dcmread(path) for path in chosen), key=lambda ds: int(ds.InstanceNumber))
        for original, path in zip(originals, made, strict=True):
            read = dcmread(path)
            # JPEG-LS streams of the originals: the very same bytes
            assert read.PixelData.rstrip(b"\0")[-4096:] == original.PixelData.rstrip(b"\0")[-4096:]
            content = path.read_bytes()
            for uid in (original.StudyInstanceUID, original.SeriesInstanceUID, original.SOPInstanceUID):
                assert uid.encode() not in content
            assert str(original.PatientID).encode() not in content
