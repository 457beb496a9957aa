import getpass
import json

from tests.dicom.ct_series import anatomy, ct_series, write


def set_up(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    (tmp_path / "key").write_text(firstread("projects", "new-key").out)
    monkeypatch.setenv("FIRSTREAD_CROSSWALK_KEY_FILE", str(tmp_path / "key"))
    firstread("projects", "add", "lungs", "--options", "modified-dates")
    firstread(
        "deidentify", write(tmp_path / "in", ct_series(anatomy(1, 16))), "--project", "lungs", "--out", "out"
    )


def test_projects_are_listed_with_what_they_have(firstread, tmp_path, monkeypatch):
    set_up(firstread, tmp_path, monkeypatch)
    assert firstread("projects", "list").out == "lungs: 1 patients, 1 studies; modified-dates\n"
    (told,) = json.loads(firstread("projects", "list", "--json").out)
    assert (told["name"], told["patients"], told["options"]) == ("lungs", 1, ["modified-dates"])


def trust(firstread):
    firstread("access", "grant", f"local:{getpass.getuser()}", "crosswalk.read")


def test_the_crosswalk_is_for_whom_the_right_was_given(firstread, tmp_path, monkeypatch):
    """Not even an administrator has it by being one."""
    set_up(firstread, tmp_path, monkeypatch)
    refused = firstread("projects", "crosswalk", "lungs")
    assert (refused.code, refused.out) == (6, "")
    trust(firstread)
    assert firstread("projects", "crosswalk", "lungs").code == 0


def test_the_crosswalk_explains_a_pseudonym(firstread, tmp_path, monkeypatch):
    set_up(firstread, tmp_path, monkeypatch)
    trust(firstread)
    (folder,) = (tmp_path / "out").iterdir()
    (told,) = json.loads(firstread("projects", "crosswalk", "lungs", folder.name).out)
    assert told["original"]["PatientID"] == "SYN-1"
    assert firstread("projects", "crosswalk", "lungs", "PNOBODY").code == 2


def test_a_new_key_takes_the_place_of_the_former_one(firstread, tmp_path, monkeypatch):
    set_up(firstread, tmp_path, monkeypatch)
    trust(firstread)
    before = firstread("projects", "crosswalk", "lungs").out
    (tmp_path / "new").write_text(firstread("projects", "new-key").out)
    monkeypatch.setenv("FIRSTREAD_CROSSWALK_KEY_FILE", str(tmp_path / "new"))
    assert firstread("projects", "crosswalk", "lungs").code == 5
    assert firstread("projects", "rekey", tmp_path / "key").out == "4 rows closed with the new key.\n"
    assert firstread("projects", "crosswalk", "lungs").out == before


def test_a_project_is_made_once(firstread, tmp_path, monkeypatch):
    set_up(firstread, tmp_path, monkeypatch)
    assert firstread("projects", "add", "lungs").code == 2


def test_studies_on_their_way_are_listed_and_tried_again(firstread, tmp_path, monkeypatch):
    set_up(firstread, tmp_path, monkeypatch)
    assert firstread("projects", "studies").out == "No study is on its way to a project.\n"
    assert json.loads(firstread("projects", "studies", "lungs", "--json").out) == []
    assert firstread("projects", "retry").out == "0 wait again.\n"


def test_a_route_to_a_project_that_is_not_there_is_told_by_the_check(firstread, tmp_path, monkeypatch):
    set_up(firstread, tmp_path, monkeypatch)
    (tmp_path / "outbox").mkdir()
    monkeypatch.setenv("FIRSTREAD_DESTINATIONS", json.dumps({"outbox": f"folder:{tmp_path / 'outbox'}"}))
    text = '[[routes]]\nname = "r"\nproject = "{}"\ndestinations = "outbox"\nwhen = {{ modality = "CT" }}\n'
    (tmp_path / "routes.toml").write_text(text.format("lungs"))
    assert firstread("routes", "check", "routes.toml").code == 0
    (tmp_path / "routes.toml").write_text(text.format("hearts"))
    done = firstread("routes", "check", "routes.toml")
    assert (done.code, "hearts" in done.err) == (2, True)
