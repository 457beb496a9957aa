import pytest

from firstread.archive import MismatchedInstance
from firstread.errors import ArchiveFull, ArchiveUnavailable, RefusedInput, UsageError
from firstread.network.statuses import may_pass, query_status, store_status


@pytest.mark.parametrize(
    ("error", "stored", "queried"),
    [
        (ArchiveFull("x", remedy="y"), 0xA700, 0xA700),
        (ArchiveUnavailable("x", remedy="y"), 0xA700, 0xA700),
        (MismatchedInstance("x", remedy="y"), 0xA900, 0xC001),
        (RefusedInput("x", remedy="y"), 0xC000, 0xC001),
        (UsageError("x", remedy="y"), 0xA700, 0xA900),
        (RuntimeError("x"), 0xA700, 0xC001),
    ],
)
def test_a_failure_has_the_status_of_its_kind(error, stored, queried):
    assert (store_status(error), query_status(error)) == (stored, queried)


@pytest.mark.parametrize(
    ("status", "passes"), [(0xA700, True), (0xA7FF, True), (0xA900, False), (0xC000, False), (0, False)]
)
def test_only_what_wants_resources_may_pass(status, passes):
    assert may_pass(status) is passes
