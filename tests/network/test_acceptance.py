from ipaddress import ip_network

import pytest

from firstread.errors import UsageError
from firstread.network.acceptance import Acceptance, Caller, parse_callers, parse_networks


def test_callers_are_read_as_ae_titles_with_or_without_a_network():
    assert parse_callers(("CT1", "MR 2@10.0.0.0/24", "US@::1")) == (
        Caller("CT1"),
        Caller("MR 2", ip_network("10.0.0.0/24")),
        Caller("US", ip_network("::1")),
    )
    assert parse_callers(()) == ()
    assert parse_callers(("CT1", "any")) is None


@pytest.mark.parametrize("entry", ["", "A" * 17, "CT@nowhere", "CT\\1", "@10.0.0.1"])
def test_a_caller_that_is_none_is_refused(entry):
    with pytest.raises(UsageError):
        parse_callers((entry,))


def test_an_ipv4_peer_of_a_socket_of_both_families_is_known_by_its_ipv4_address():
    rules = Acceptance(
        callers=(Caller("CT1", ip_network("10.0.0.0/24")),), networks=parse_networks(("10.0.0.5",))
    )
    assert rules.is_connected("::ffff:10.0.0.5")
    assert rules.is_heard("CT1 ", "::ffff:10.0.0.5")
    assert not rules.is_connected("10.0.0.6")
    assert not rules.is_heard("CT1", "10.0.1.5")
    with pytest.raises(UsageError):
        parse_networks(("10.0.0",))
