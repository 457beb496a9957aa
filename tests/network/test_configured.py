from ipaddress import ip_network

import pytest

from firstread.errors import UsageError
from firstread.network import Peer
from firstread.network.acceptance import Caller
from firstread.network.configured import caller_of, listening_of, peer_of
from firstread.settings import Settings


def test_without_settings_the_node_is_on_this_machine_only_and_hears_nobody():
    listening = listening_of(Settings())
    assert (listening.host, listening.port, listening.ae_title) == ("127.0.0.1", 11112, "FIRSTREAD")
    assert listening.acceptance.callers == ()
    assert listening.tls is None


def test_settings_become_the_rules_of_the_node():
    settings = Settings(
        dicom_ae_title="NODE", dicom_callers=("CT1@10.0.0.0/24",), dicom_networks=("10.0.0.0/8",),
        dicom_associations=7, dicom_instance_mib=3, destinations={"pacs": "PACS@10.0.0.5:104"},
    )  # fmt: skip
    listening = listening_of(settings)
    assert listening.acceptance.callers == (Caller("CT1", ip_network("10.0.0.0/24")),)
    assert listening.acceptance.networks == (ip_network("10.0.0.0/8"),)
    assert (listening.acceptance.associations, listening.acceptance.instance_bytes) == (7, 3 << 20)
    assert listening.destinations == {"PACS": Peer("PACS", "10.0.0.5", 104)}
    assert peer_of(settings, "pacs") == Peer("PACS", "10.0.0.5", 104)
    assert caller_of(settings).ae_title == "NODE"


def test_a_destination_over_tls_needs_no_certificate_of_ours():
    listening = listening_of(Settings(destinations={"pacs": "tls:PACS@pacs.example:2762"}))
    assert listening.tls is None
    assert listening.calling_tls.context.check_hostname


def test_an_ae_title_that_is_none_is_refused():
    with pytest.raises(UsageError, match="no AE title"):
        listening_of(Settings(dicom_ae_title="A" * 17))
