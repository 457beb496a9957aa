from firstread.archive.derived import add_derived, read_derived, stem_of
from tests.archive.samples import instances


def test_entries_are_added_and_never_twice(sqlite_archive):
    names = [sqlite_archive.receive(instance).file for instance in instances(2)]
    assert read_derived(sqlite_archive.files, names[0]) == {}
    add_derived(sqlite_archive.files, {names[0]: b"first"})
    add_derived(sqlite_archive.files, {names[0]: b"other", names[1]: b"second"})
    assert read_derived(sqlite_archive.files, names[1]) == {
        stem_of(names[0]): b"first",
        stem_of(names[1]): b"second",
    }


def test_what_was_removed_meanwhile_is_not_kept(sqlite_archive):
    name = sqlite_archive.receive(instances(1)[0]).file
    sqlite_archive.files.remove(name)
    add_derived(sqlite_archive.files, {name: b"late"})
    assert read_derived(sqlite_archive.files, name) == {}


def test_removing_an_instance_removes_what_was_derived_of_its_series(sqlite_archive):
    names = [sqlite_archive.receive(instance).file for instance in instances(2)]
    add_derived(sqlite_archive.files, dict.fromkeys(names, b"x"))
    sqlite_archive.files.remove(names[0])
    assert read_derived(sqlite_archive.files, names[1]) == {}
