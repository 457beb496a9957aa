import os
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from firstread.workflow.deliveries import PassingFailure, deliver, documents_for
from firstread.workflow.deliveries.deliver import way_to
from tests.dicom.read_samples import STUDY


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def delivered(share):
    (target,) = (share / STUDY).iterdir()
    return {path.name: path.read_bytes() for path in target.iterdir()}


def test_all_files_arrive_in_a_folder_of_the_result_below_that_of_the_study(
    archive, settings_of, share, result_folder
):
    settings = settings_of(share=f"folder:{share}")
    for document in documents_for("share", settings, result_folder):
        deliver(archive, settings, "share", result_folder, document)
    assert delivered(share) == {path.name: path.read_bytes() for path in result_folder.iterdir()}
    (target,) = (share / STUDY).iterdir()
    assert target.name.startswith("lung_nodule-")


def test_a_folder_that_has_result_json_has_the_others_too(archive, settings_of, share, result_folder):
    settings = settings_of(share={"address": f"folder:{share}", "documents": ["json", "sr"]})
    deliver(archive, settings, "share", result_folder, "result.json")
    assert set(delivered(share)) == {"result.json", "sr.dcm"}


def test_only_owner_and_group_may_see_what_arrives(archive, settings_of, share, result_folder):
    before = os.umask(0)
    try:
        deliver(archive, settings_of(share=f"folder:{share}"), "share", result_folder, "sr.dcm")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in share.rglob("*")}
    assert modes == {0o750, 0o640}


def test_again_it_changes_nothing_and_repairs_what_is_not_the_same(
    archive, settings_of, share, result_folder
):
    settings = settings_of(share=f"folder:{share}")
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    (file,) = share.rglob("sr.dcm")
    first = file.stat()
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    assert file.stat().st_ino == first.st_ino
    file.write_bytes(bytes(first.st_size))
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    assert delivered(share) == {"sr.dcm": (result_folder / "sr.dcm").read_bytes()}


def test_documents_that_go_at_the_same_time_do_not_hinder_each_other(
    archive, settings_of, share, result_folder
):
    settings = settings_of(share=f"folder:{share}")
    documents = documents_for("share", settings, result_folder)
    start = Barrier(len(documents))

    def go(document):
        start.wait(20)
        deliver(archive, settings, "share", result_folder, document)

    with ThreadPoolExecutor(len(documents)) as pool:
        list(pool.map(go, documents))
    assert delivered(share) == {path.name: path.read_bytes() for path in result_folder.iterdir()}


def test_what_a_try_that_was_cut_off_left_is_removed(archive, settings_of, share, result_folder):
    settings = settings_of(share=f"folder:{share}")
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    (target,) = (share / STUDY).iterdir()
    (target / "sr.dcm").rename(target / ".sr.dcm.0123456789abcdef.part")
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    assert set(delivered(share)) == {"sr.dcm"}


def test_a_link_that_lies_in_the_way_is_not_written_through(
    archive, settings_of, share, result_folder, tmp_path
):
    settings = settings_of(share=f"folder:{share}")
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    (file,) = share.rglob("sr.dcm")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    file.unlink()
    file.symlink_to(elsewhere)
    deliver(archive, settings, "share", result_folder, "sr.dcm")
    assert elsewhere.read_bytes() == b"mine"
    assert not file.is_symlink()


def test_a_base_that_is_not_there_is_not_made_and_tried_again_later(
    archive, settings_of, tmp_path, result_folder
):
    settings = settings_of(share=f"folder:{tmp_path}/not-mounted")
    with pytest.raises(PassingFailure, match="not-mounted cannot be written to"):
        deliver(archive, settings, "share", result_folder, "sr.dcm")
    with pytest.raises(PassingFailure, match="not-mounted cannot be written to"):
        way_to("share", settings).test()
    assert not (tmp_path / "not-mounted").exists()


def test_a_test_leaves_nothing(settings_of, share):
    assert way_to("share", settings_of(share=f"folder:{share}")).test() == f"{share} can be written to"
    assert list(share.iterdir()) == []
