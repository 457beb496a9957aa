import pytest

from firstread.errors import UsageError
from firstread.network.peers import Peer, named_peer, parse_peer, peers_by_ae_title


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("PACS@10.0.0.5", Peer("PACS", "10.0.0.5", 104)),
        ("PACS@pacs.example:11112", Peer("PACS", "pacs.example", 11112)),
        ("MY PACS@[::1]:4242", Peer("MY PACS", "::1", 4242)),
        ("tls:PACS@pacs.example:2762", Peer("PACS", "pacs.example", 2762, tls=True)),
    ],
)
def test_a_node_is_written_as_its_ae_title_host_and_port(text, peer):
    assert parse_peer(text) == peer
    assert parse_peer(str(peer)) == peer


@pytest.mark.parametrize(
    "text", ["", "PACS", "@host:1", "PACS@", "PACS@h:0", "PACS@h:70000", "A" * 17 + "@h:1", "P@a b"]
)
def test_what_is_no_node_is_refused(text):
    with pytest.raises(UsageError, match="no DICOM node"):
        parse_peer(text)


def test_a_destination_goes_by_its_name_or_its_ae_title():
    destinations = {"pacs": "PACS@10.0.0.5:104"}
    assert named_peer("pacs", destinations) == Peer("PACS", "10.0.0.5")
    assert named_peer("OTHER@10.0.0.6:104", destinations) == Peer("OTHER", "10.0.0.6")
    assert peers_by_ae_title(destinations) == {"PACS": Peer("PACS", "10.0.0.5")}
    with pytest.raises(UsageError, match="Two destinations"):
        peers_by_ae_title({**destinations, "again": "PACS@10.0.0.7:104"})
