import os
import stat

import pytest

from firstread.engine.compiled_cache import CompiledCache

as_ordinary_user = pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")


def test_what_was_stored_is_loaded_and_other_keys_are_not_there(tmp_path):
    cache = CompiledCache(tmp_path / "deep" / "cache")
    cache.store("a", b"network a")
    cache.store("b", b"")
    assert cache.load("a") == b"network a"
    assert cache.load("b") == b""
    assert cache.load("c") is None


def test_the_folder_is_for_its_owner_alone(tmp_path):
    cache = CompiledCache(tmp_path / "cache")
    cache.store("a", b"network")
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()] == [0o600]


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path):
    cache = CompiledCache(tmp_path / "cache")
    cache.folder.mkdir()
    cache.folder.chmod(0o777)
    cache.store("a", b"network")
    assert list(cache.folder.iterdir()) == []
    assert "others may write" in cache.problem()


def test_an_entry_that_others_may_write_to_is_not_used(tmp_path):
    cache = CompiledCache(tmp_path)
    cache.store("a", b"network")
    next(tmp_path.iterdir()).chmod(0o666)
    assert cache.load("a") is None


@pytest.mark.parametrize("keep", [0, 10, 40, 70])
def test_an_entry_that_is_cut_off_is_passed_over(tmp_path, keep):
    cache = CompiledCache(tmp_path)
    cache.store("a", b"x" * 100)
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:keep])
    assert cache.load("a") is None


def test_an_entry_with_one_bit_changed_is_passed_over_and_can_be_stored_again(tmp_path):
    cache = CompiledCache(tmp_path)
    cache.store("a", b"x" * 100)
    path = next(tmp_path.iterdir())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert cache.load("a") is None
    cache.store("a", b"new")
    assert cache.load("a") == b"new"


def test_a_folder_that_cannot_be_is_told_and_passed_over(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = CompiledCache(tmp_path / "file" / "cache")
    cache.store("a", b"network")
    assert cache.load("a") is None
    assert "cannot be written" in cache.problem()


@as_ordinary_user
def test_a_folder_that_is_read_only_still_gives_what_it_has(tmp_path):
    cache = CompiledCache(tmp_path / "cache")
    cache.store("a", b"network")
    cache.folder.chmod(0o500)
    cache.store("b", b"other")
    assert cache.load("a") == b"network"
    assert cache.load("b") is None
    cache.folder.chmod(0o700)


def test_what_nobody_used_for_a_month_is_forgotten(tmp_path):
    cache = CompiledCache(tmp_path)
    cache.store("old", b"1")
    old = next(tmp_path.iterdir())
    os.utime(old, (1_000_000_000, 1_000_000_000))
    (tmp_path / "unrelated").write_text("not ours")
    os.utime(tmp_path / "unrelated", (1_000_000_000, 1_000_000_000))
    cache.store("new", b"2")
    assert not old.exists()
    assert (tmp_path / "unrelated").exists()
    assert cache.load("new") == b"2"
