import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from firstread.archive.group_commit import GroupCommit


def test_one_alone_is_committed_at_once():
    groups = []
    GroupCommit(groups.append).submit("a")
    assert groups == [["a"]]


def test_those_who_come_during_a_commit_share_the_next():
    groups, inside, go_on = [], threading.Event(), threading.Event()

    def commit(items):
        groups.append(sorted(items))
        if len(groups) == 1:
            inside.set()
            assert go_on.wait(10)

    group = GroupCommit(commit)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(group.submit, 0)
        assert inside.wait(10)
        others = [pool.submit(group.submit, n) for n in range(1, 6)]
        while len(group._waiting) < 5:
            threading.Event().wait(0.001)
        assert not any(one.done() for one in [first, *others])
        go_on.set()
        for one in [first, *others]:
            one.result(10)
    assert groups == [[0], [1, 2, 3, 4, 5]]


def test_nobody_returns_before_the_commit_of_his_own_item():
    durable = set()
    group = GroupCommit(durable.update, most=3)

    def submit(n):
        group.submit(n)
        return n in durable

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(submit, range(200)))
    assert durable == set(range(200))


def test_a_failure_reaches_everyone_of_its_group_and_nobody_else():
    def commit(items):
        if "bad" in items:
            raise OSError("no")

    group = GroupCommit(commit)
    with pytest.raises(OSError, match="no"):
        group.submit("bad")
    group.submit("good")
