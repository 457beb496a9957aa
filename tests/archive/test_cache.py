import os
import threading
from hashlib import sha256

import pytest

from firstread.archive.cache import FileCache
from firstread.archive.store import new_name
from firstread.errors import AlteredInstance


class Far:
    """A store that is far away: what it has, and how often it was asked."""

    def __init__(self):
        self.files = {new_name("1.2", f"1.{n // 3}"): bytes([n]) * 1000 for n in range(12)}
        self.recorded = {name: sha256(content).hexdigest() for name, content in self.files.items()}
        self.asked = []

    def fetch(self, name):
        self.asked.append(name)
        if name not in self.files:
            raise FileNotFoundError
        yield self.files[name][:600]
        yield self.files[name][600:]

    def digests(self, names):
        return {name: self.recorded[name] for name in names if name in self.recorded}


@pytest.fixture
def far():
    return Far()


@pytest.fixture
def cache(tmp_path, far):
    made = FileCache(tmp_path / "cache", 5000, far.fetch, far.digests)
    yield made
    made.close()


def kept(tmp_path):
    return {
        path.relative_to(tmp_path / "cache" / "files").as_posix()
        for path in (tmp_path / "cache" / "files").rglob("*.dcm")
    }


def test_a_file_is_fetched_once_and_at_hand_in_the_order_asked_for(cache, far):
    names = list(far.files)[:4]
    for _ in range(2):
        with cache.at_hand(names[::-1]) as paths:
            assert [path.read_bytes() for path in paths] == [far.files[name] for name in names[::-1]]
    assert sorted(far.asked) == sorted(names)
    assert not any(path.exists() for path in paths)


def test_the_least_used_go_first_and_what_is_in_use_stays(cache, far, tmp_path):
    names = list(far.files)
    with cache.at_hand(names[:1]) as (held,):
        for number, name in enumerate(names):
            with cache.at_hand([name]) as (path,):
                os.utime(path, (number, number))
        with cache.at_hand(names[1:2]):  # used again
            pass
        cache.look_over()
        assert kept(tmp_path) == {names[1], *names[8:]}
        assert held.read_bytes() == far.files[names[0]]


def test_what_came_with_another_content_is_not_kept(cache, far, tmp_path):
    (name, *_) = far.files
    good, far.files[name] = far.files[name], b"x" * 1000
    with pytest.raises(AlteredInstance, match="not as it came"), cache.at_hand([name]):
        pass
    assert kept(tmp_path) == set()
    far.files[name] = good
    with cache.at_hand([name]) as (path,):
        assert path.read_bytes() == good


@pytest.mark.parametrize("gone", ["files", "recorded"])
def test_where_a_file_is_gone_nothing_is_at_its_path(cache, far, gone):
    one, two, *_ = far.files
    del getattr(far, gone)[one]
    with cache.at_hand([one, two]) as (missing, there):
        assert not missing.exists()
        assert there.read_bytes() == far.files[two]


def test_what_the_database_has_no_more_leaves_this_host(cache, far, tmp_path):
    names = list(far.files)[:3]
    with cache.at_hand(names):
        pass
    del far.recorded[names[0]]
    cache.look_over()
    assert kept(tmp_path) == set(names[1:])


def test_processes_share_what_is_kept_and_sweep_what_the_dead_had_in_use(cache, far, tmp_path):
    (name, *_) = far.files
    dead = tmp_path / "cache" / "held" / "dead"
    dead.mkdir()
    (dead / "half").write_bytes(b"x")
    with cache.at_hand([name]):
        other = FileCache(tmp_path / "cache", 5000, far.fetch, far.digests)
        try:
            with other.at_hand([name]) as (path,):
                assert path.read_bytes() == far.files[name]
        finally:
            other.close()
    assert far.asked == [name]
    assert not dead.exists()


def test_many_threads_may_want_the_same_at_once(cache, far):
    names = list(far.files)[:5]
    ready, wrong = threading.Barrier(6), []

    def go():
        ready.wait()
        with cache.at_hand(names) as paths:
            wrong.extend(n for n, p in zip(names, paths, strict=True) if p.read_bytes() != far.files[n])

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
