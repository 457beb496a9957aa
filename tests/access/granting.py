"""Giving rights in tests."""

from firstread.access.rights.change import add_rule
from firstread.access.rights.holdings import give
from firstread.archive.database import writing


def allow(archive, subject, action="study.read", scope="*", *, effect="allow"):
    """A rule in the archive's database; the same as `firstread access grant` makes."""
    with writing(archive.engine) as connection:
        return add_rule(connection, subject, action, scope, effect=effect)


def deny(archive, subject, action="study.read", scope="*"):
    return allow(archive, subject, action, scope, effect="deny")


def hold(archive, actor, **values):
    """What an actor holds: role=, department=, project=, referring=."""
    with writing(archive.engine) as connection:
        for kind, value in values.items():
            give(connection, actor, kind, value)
